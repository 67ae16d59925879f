//! memmap2's interface in a WebAssembly guest.
//!
//! A map is a [`Place`]: a pointer, a length, and a [`Backing`] that keeps the bytes: ordinary memory, a private window on a file, or a
//! [`Share`](shared::Share) of a window that all maps of these bytes have in common.

mod advice;
mod advise;
mod backing;
mod common;
mod desc;
mod error;
mod file;
mod if_safe;
mod live;
mod mmap;
mod mmap_mut;
mod mmap_raw;
mod options;
mod place;
mod remap;
mod shared;
mod sys;

pub use advice::{Advice, UncheckedAdvice};
pub use desc::{MmapAsRawDesc, MmapRawDescriptor};
pub use if_safe::MapIfSafeError;
pub use mmap::Mmap;
pub use mmap_mut::MmapMut;
pub use mmap_raw::MmapRaw;
pub use options::MmapOptions;
pub use remap::RemapOptions;

use backing::Backing;
use sys::Place;
