//! The calls that carry a window, by their canonical-ABI names and signatures.
//!
//! The generated bindings take a window as `&[u8]`. Such a reference must not be alive over bytes that the host changes, so
//! these calls pass a pointer. Flattening: CanonicalABI.md of the component model, "Flattening".

#[cfg(all(feature = "std", target_os = "wasi"))]
use core::ffi::c_int;

use super::Part;
use crate::bindings::mapping::{Lease, MapOptions, Mapping};
use crate::bindings::object::Object;
use crate::bindings::types::Access;
use crate::{Error, Result};

/// `result<own<…>, error-code>` in memory.
#[repr(C)]
#[derive(Default)]
struct HandleResult {
    tag: u8,
    // The code of an error is its first byte; the others stay 0.
    payload: u32,
}

/// `result<_, error-code>` in memory.
#[repr(C)]
#[derive(Default)]
pub(super) struct UnitResult {
    tag: u8,
    code: u8,
}

impl HandleResult {
    fn get(self) -> Result<u32> {
        match self.tag {
            0 => Ok(self.payload),
            _ => Err(error(self.payload.to_le_bytes()[0])),
        }
    }
}

impl UnitResult {
    pub(super) fn get(self) -> Result<()> {
        match self.tag {
            0 => Ok(()),
            _ => Err(error(self.code)),
        }
    }
}

/// The error that `types.error-code` numbers so.
fn error(code: u8) -> Error {
    const IN_WIT_ORDER: [Error; 13] = [
        Error::Alignment,
        Error::Bounds,
        Error::Overlap,
        Error::Access,
        Error::NotFound,
        Error::Stale,
        Error::Quota,
        Error::Unsupported,
        Error::Busy,
        Error::OutOfMemory,
        Error::Io,
        Error::TimedOut,
        Error::Deadlock,
    ];
    // The canonical ABI has checked the number; a host for core modules might be wrong.
    IN_WIT_ORDER.get(usize::from(code)).copied().unwrap_or(Error::Io)
}

mod import {
    use super::{HandleResult, UnitResult};

    #[link(wasm_import_module = "wasi:memory-control/mapping@0.1.0-draft")]
    unsafe extern "C" {
        #[link_name = "[static]mapping.map"]
        pub(super) fn map(
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            object: u32,
            offset: u64,
            protection: u32,
            sharing: u32,
            coherence: u32,
            flags: u32,
            result: *mut HandleResult,
        );

        #[link_name = "[method]mapping.publish"]
        pub(super) fn publish(
            mapping: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            result: *mut UnitResult,
        );

        #[link_name = "[method]mapping.refresh"]
        pub(super) fn refresh(
            mapping: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            result: *mut UnitResult,
        );

        #[link_name = "[method]mapping.sync"]
        pub(super) fn sync(mapping: u32, list: *mut u8, list_len: usize, start: u64, len: u64, result: *mut UnitResult);

        #[link_name = "[method]mapping.unmap"]
        pub(super) fn unmap(
            mapping: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            result: *mut UnitResult,
        );

        #[link_name = "[method]mapping.acquire"]
        pub(super) fn acquire(
            mapping: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            access: u32,
            result: *mut HandleResult,
        );

        #[link_name = "[method]mapping.acquire-within"]
        pub(super) fn acquire_within(
            mapping: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            access: u32,
            timeout: u64,
            result: *mut HandleResult,
        );

        #[link_name = "[method]lease.upgrade"]
        pub(super) fn upgrade(
            lease: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            timeout: u64,
            result: *mut UnitResult,
        );

        #[link_name = "[method]lease.downgrade"]
        pub(super) fn downgrade(
            lease: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            result: *mut UnitResult,
        );

        #[link_name = "[static]lease.release"]
        pub(super) fn release(
            lease: u32,
            list: *mut u8,
            list_len: usize,
            start: u64,
            len: u64,
            result: *mut UnitResult,
        );
    }

    #[cfg(all(feature = "std", target_os = "wasi"))]
    unsafe extern "C" {
        pub(super) fn posix_fadvise(
            fd: core::ffi::c_int,
            offset: i64,
            len: i64,
            advice: core::ffi::c_int,
        ) -> core::ffi::c_int;
    }
}

/// # Safety
/// No reference to the window's bytes is alive; from here to `unmap` they are used by the rules of [`super`].
pub(super) unsafe fn map(window: Part, object: &Object, options: MapOptions) -> Result<Mapping> {
    let mut result = HandleResult::default();
    let (list_len, start) = (window.list_len(), window.start);
    // SAFETY: the signature is the canonical ABI's; the host checks every number, and changes only the window's bytes, to which
    // the caller has no reference.
    unsafe {
        import::map(
            start,
            list_len,
            start as u64,
            window.len as u64,
            object.handle(),
            options.offset,
            options.protection as u32,
            options.sharing as u32,
            options.coherence as u32,
            options.flags.bits().into(),
            &raw mut result,
        );
    }
    let handle = result.get()?;
    // SAFETY: the host gave this handle to us alone.
    Ok(unsafe { Mapping::from_handle(handle) })
}

pub(super) fn publish(mapping: &Mapping, part: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host only reads the part's bytes.
    unsafe { import::publish(mapping.handle(), start, list_len, start as u64, part.len as u64, &raw mut result) }
    result.get()
}

pub(super) fn sync(mapping: &Mapping, part: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host only reads the part's bytes.
    unsafe { import::sync(mapping.handle(), start, list_len, start as u64, part.len as u64, &raw mut result) }
    result.get()
}

/// # Safety
/// No reference to the part's bytes is alive.
pub(super) unsafe fn refresh(mapping: &Mapping, part: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host changes only the part's bytes, to which the caller has no reference.
    unsafe { import::refresh(mapping.handle(), start, list_len, start as u64, part.len as u64, &raw mut result) }
    result.get()
}

/// # Safety
/// No reference to the window's bytes is alive.
pub(super) unsafe fn unmap(mapping: &Mapping, window: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (window.list_len(), window.start);
    // SAFETY: the signature is the canonical ABI's; the host changes only the window's bytes, to which the caller has no reference.
    unsafe { import::unmap(mapping.handle(), start, list_len, start as u64, window.len as u64, &raw mut result) }
    result.get()
}

/// # Safety
/// No reference to the part's bytes is alive, except under read leases if `access` is `read`.
pub(super) unsafe fn acquire(mapping: &Mapping, part: Part, access: Access) -> Result<Lease> {
    let mut result = HandleResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host changes only the part's bytes, to which the caller has no reference,
    // or none that could tell.
    unsafe {
        import::acquire(
            mapping.handle(),
            start,
            list_len,
            start as u64,
            part.len as u64,
            access as u32,
            &raw mut result,
        );
    }
    let handle = result.get()?;
    // SAFETY: the host gave this handle to us alone.
    Ok(unsafe { Lease::from_handle(handle) })
}

/// As [`acquire`], but waits for at most `timeout` nanoseconds.
///
/// # Safety
/// That of [`acquire`].
pub(super) unsafe fn acquire_within(mapping: &Mapping, part: Part, access: Access, timeout: u64) -> Result<Lease> {
    let mut result = HandleResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host changes only the part's bytes, to which the caller has no reference,
    // or none that could tell.
    unsafe {
        import::acquire_within(
            mapping.handle(),
            start,
            list_len,
            start as u64,
            part.len as u64,
            access as u32,
            timeout,
            &raw mut result,
        );
    }
    let handle = result.get()?;
    // SAFETY: the host gave this handle to us alone.
    Ok(unsafe { Lease::from_handle(handle) })
}

/// Waits for at most `timeout` nanoseconds.
pub(super) fn upgrade(lease: &Lease, part: Part, timeout: u64) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the host does not touch the part's bytes.
    unsafe {
        import::upgrade(lease.handle(), start, list_len, start as u64, part.len as u64, timeout, &raw mut result);
    }
    result.get()
}

/// # Safety
/// No exclusive reference to the part's bytes is alive.
pub(super) unsafe fn downgrade(lease: &Lease, part: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's. The host only reads the part's bytes.
    unsafe { import::downgrade(lease.handle(), start, list_len, start as u64, part.len as u64, &raw mut result) }
    result.get()
}

/// # Safety
/// The caller reaches the part's bytes no more under this lease.
pub(super) unsafe fn release(lease: Lease, part: Part) -> Result<()> {
    let mut result = UnitResult::default();
    let (list_len, start) = (part.list_len(), part.start);
    // SAFETY: the signature is the canonical ABI's; the handle is given away. The host only reads the part's bytes.
    unsafe { import::release(lease.take_handle(), start, list_len, start as u64, part.len as u64, &raw mut result) }
    result.get()
}

/// Carries `ticket` to the host, through the file descriptor itself. The error is the `errno`.
#[cfg(all(feature = "std", target_os = "wasi"))]
pub(crate) fn advise(fd: std::os::fd::BorrowedFd<'_>, ticket: u64) -> Result<(), c_int> {
    use std::os::fd::AsRawFd;

    // 5 in wasi-libc, for both WASIs (`fcntl.h`, `__WASI_ADVICE_NOREUSE`).
    const POSIX_FADV_NOREUSE: c_int = 5;
    // wasi-libc's EINVAL: a ticket that doesn't fit can't be carried.
    const EINVAL: c_int = 28;
    let ticket = i64::try_from(ticket).map_err(|_| EINVAL)?;
    // SAFETY: the signature is wasi-libc's, whose `off_t` has 64 bits; the descriptor is open while it is borrowed.
    match unsafe { import::posix_fadvise(fd.as_raw_fd(), ticket, 0, POSIX_FADV_NOREUSE) } {
        0 => Ok(()),
        errno => Err(errno),
    }
}
