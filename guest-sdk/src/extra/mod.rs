//! Windows that are whole extra memories: memory 1 and on of a program that was linked with them.
//!
//! No pointer of the program reaches such a window, so that a wild one can't harm what it shows; and a window with 64-bit addresses shows what is larger
//! than this guest's memory can ever be. References can't point there either: bytes are loaded, stored and copied by offset, through [`View`](crate::View) and
//! [`ViewMut`](crate::ViewMut).
//!
//! ```ignore
//! use memctl_guest::{MapOptions, Object, View, Window};
//!
//! // Window 1 of `memctl link-windows --count 1 --size 64MiB`.
//! let window = Window::<1>::take()?;
//! let bound = window.bind(&Object::open("frames")?, MapOptions::new())?;
//! let bytes = bound.read()?;
//! let first: u32 = bytes.load(0)?;
//! ```
//!
//! # Which type
//! | the window | its number | type | an access |
//! |---|---|---|---|
//! | of up to 4 GiB (`--count`) | a constant | [`Window`] | one instruction |
//! | with 64-bit addresses (`--count64`) | a constant | [`Window64`] | one instruction |
//! | any | chosen at run time | [`AnyWindow`] | a call that looks for the window |
//!
//! [`WindowBuf`](crate::WindowBuf) is something else: a range of this guest's own memory, in which [`MapOptions::map_in`](crate::MapOptions::map_in) shows an
//! object.

mod atomic;
mod binding;
mod bound;
mod guard;
mod place;
mod slot;
mod window;

pub use bound::{Bound, BoundMut};
pub use guard::{BoundReadGuard, BoundWriteGuard};
pub use slot::{Number, Number64, Numbered, Slot};
pub use window::{AnyWindow, Window, Window64, WindowOf, count};
