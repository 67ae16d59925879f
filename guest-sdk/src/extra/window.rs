//! The windows that a program was linked with, each with one owner.

use core::sync::atomic::{AtomicU32, Ordering};

use super::binding::Binding;
use super::slot::{Number, Number64, Numbered, Slot};
use super::{Bound, BoundMut};
use crate::bindings::domain::Capabilities;
use crate::bindings::window as wire;
use crate::{Error, MapOptions, Object, Result, sys};

/// Window `K` of this program, of at most 4 GiB.
pub type Window<const K: u32> = WindowOf<Number<K>>;

/// Window `K` of this program, with 64-bit addresses: it can show more than this guest's memory can ever hold.
pub type Window64<const K: u32> = WindowOf<Number64<K>>;

/// A window of this program that is chosen by number at run time.
pub type AnyWindow = WindowOf<Numbered>;

/// The one owner of a window of this program. See [`Window`], [`Window64`] and [`AnyWindow`].
///
/// What was bound stays when the owner goes; then somebody else may own the window.
#[derive(Debug)]
pub struct WindowOf<S: Slot> {
    slot: S,
}

/// Windows that somebody owns, a bit each.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// How many windows this program was linked with, if the host can show something in them. They are numbered from 1 on.
#[must_use]
pub fn count() -> u32 {
    // An empty list says which memory is meant, as any list of this memory does.
    if sys::IS_GUEST { wire::count(&[]) } else { 0 }
}

impl<const K: u32> WindowOf<Number<K>> {
    /// The owner of window `K`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the program was not linked with so many windows, or the host doesn't know this guest's memory; [`Error::Busy`] if somebody
    /// owns the window; [`Error::Unsupported`] outside a wasm guest.
    pub fn take() -> Result<Self> {
        own(Number)
    }
}

impl<const K: u32> WindowOf<Number64<K>> {
    /// The owner of window `K`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the program was not linked with so many windows, or the host doesn't know this guest's memory; [`Error::Busy`] if somebody
    /// owns the window; [`Error::Unsupported`] outside a wasm guest.
    pub fn take() -> Result<Self> {
        own(Number64)
    }
}

impl WindowOf<Numbered> {
    /// The owner of window `number`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the program was not linked with so many windows, or the host doesn't know this guest's memory; [`Error::Busy`] if somebody
    /// owns the window; [`Error::Unsupported`] outside a wasm guest.
    pub fn take(number: u32) -> Result<Self> {
        own(Numbered(number))
    }
}

fn own<S: Slot>(slot: S) -> Result<WindowOf<S>> {
    sys::require_host()?;
    let number = slot.number();
    if number == 0 || number > count() {
        return Err(Error::NotFound);
    }
    // A program has at most 28.
    let bit = 1_u32.checked_shl(number).ok_or(Error::NotFound)?;
    match TAKEN.fetch_or(bit, Ordering::Relaxed) & bit {
        0 => Ok(WindowOf { slot }),
        _ => Err(Error::Busy),
    }
}

impl<S: Slot> Drop for WindowOf<S> {
    fn drop(&mut self) {
        TAKEN.fetch_and(!(1 << self.slot.number()), Ordering::Relaxed);
    }
}

impl<S: Slot> WindowOf<S> {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.slot.number()
    }

    /// Length of the window in bytes.
    ///
    /// # Errors
    /// None that a window that was taken can meet, but the host might be wrong.
    #[expect(clippy::len_without_is_empty, reason = "a window is never empty")]
    pub fn len(&self) -> Result<u64> {
        Ok(wire::size(&[], self.number())?)
    }

    /// What this domain can do in the window.
    ///
    /// # Errors
    /// As [`len`](Self::len).
    pub fn capabilities(&self) -> Result<Capabilities> {
        Ok(wire::capabilities_of(&[], self.number())?)
    }

    /// Shows `object` at the window's beginning, for reading: as [`MapOptions::map`] does in this guest's memory, and by the same rules.
    ///
    /// # Errors
    /// Those of [`MapOptions::map`]; [`Error::Bounds`] if the window is too small.
    pub fn bind(&self, object: &Object, options: MapOptions) -> Result<Bound<S>> {
        self.bind_at(0, object, options)
    }

    /// As [`bind`](Self::bind), from byte `start` of the window on: a multiple of the granule. A window shows as many objects as there is room for.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind); [`Error::Overlap`] if something is shown there.
    pub fn bind_at(&self, start: u64, object: &Object, options: MapOptions) -> Result<Bound<S>> {
        Binding::new(self.slot, start, object, options.to_read(object)?).map(Bound::new)
    }

    /// Shows `object` at the window's beginning, for reading and writing: as [`MapOptions::map_mut`] does in this guest's memory, and by the same rules.
    ///
    /// ```ignore
    /// use memctl_guest::{MapOptions, Object, ViewMut, Window};
    ///
    /// let mut bound = Window::<1>::take()?.bind_mut(&Object::open("frames")?, MapOptions::new())?;
    /// let mut frame = bound.write()?;
    /// frame.fill_range(0..64, 0)?;
    /// frame.store(8, 7_u32)?;
    /// frame.release()?;
    /// ```
    ///
    /// # Errors
    /// Those of [`MapOptions::map_mut`]; [`Error::Bounds`] if the window is too small.
    pub fn bind_mut(&self, object: &Object, options: MapOptions) -> Result<BoundMut<S>> {
        self.bind_mut_at(0, object, options)
    }

    /// As [`bind_mut`](Self::bind_mut), from byte `start` of the window on: a multiple of the granule.
    ///
    /// # Errors
    /// Those of [`bind_mut`](Self::bind_mut); [`Error::Overlap`] if something is shown there.
    pub fn bind_mut_at(&self, start: u64, object: &Object, options: MapOptions) -> Result<BoundMut<S>> {
        Binding::new(self.slot, start, object, options.to_write(object)?).map(BoundMut::new)
    }
}
