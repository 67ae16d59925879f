//! The four things that happen to a window. Each is lent the window's bytes; `real` says how many of them, from the
//! first on, the object has.

use alloc::vec::Vec;

use memctl_core::{Error, Storage};

/// Makes the window show the object from `offset` on.
///
/// # Errors
/// The storage's, or [`Error::OutOfMemory`]; the window's bytes are then as they were.
pub fn show(storage: &dyn Storage, offset: u64, window: &mut [u8], real: usize) -> Result<(), Error> {
    if !storage.reads_can_fail() {
        return refresh(storage, offset, window, real);
    }
    // Read aside first: a window that was half overwritten could not be given back as it was.
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(real).map_err(|_| Error::OutOfMemory { what: "a buffer for the file's bytes" })?;
    bytes.resize(real, 0);
    storage.read_at(offset, &mut bytes)?;
    let (shown, tail) = window.split_at_mut(real);
    shown.copy_from_slice(&bytes);
    tail.fill(0);
    Ok(())
}

/// Moves the object's bytes into the window, and zeroes the window past them.
///
/// # Errors
/// The storage's; the window may then have some of the bytes.
pub fn refresh(storage: &dyn Storage, offset: u64, window: &mut [u8], real: usize) -> Result<(), Error> {
    let (shown, tail) = window.split_at_mut(real);
    tail.fill(0);
    if shown.is_empty() { Ok(()) } else { storage.read_at(offset, shown) }
}

/// Moves the window's bytes into the object, and zeroes the window past them: what is stored there is lost.
///
/// # Errors
/// The storage's; the object may then have some of the bytes.
pub fn publish(storage: &mut dyn Storage, offset: u64, window: &mut [u8], real: usize) -> Result<(), Error> {
    let (shown, tail) = window.split_at_mut(real);
    tail.fill(0);
    if shown.is_empty() { Ok(()) } else { storage.write_at(offset, shown) }
}

/// Makes the window ordinary zeroed memory.
pub fn hide(window: &mut [u8]) {
    window.fill(0);
}
