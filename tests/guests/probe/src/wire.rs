//! The calls that carry a window, with any numbers: what the SDK never passes goes through here too.

use std::ffi::c_int;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use memctl_guest::bindings::mapping::{Lease, MapOptions, Mapping};
use memctl_guest::bindings::object::Object;
use memctl_guest::bindings::types::{Access, ErrorCode, Window};

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
struct UnitResult {
    tag: u8,
    code: u8,
}

impl HandleResult {
    fn get(self) -> Result<u32, ErrorCode> {
        if self.tag == 0 { Ok(self.payload) } else { Err(error(self.payload.to_le_bytes()[0])) }
    }
}

impl UnitResult {
    fn get(self) -> Result<(), ErrorCode> {
        if self.tag == 0 { Ok(()) } else { Err(error(self.code)) }
    }
}

fn error(code: u8) -> ErrorCode {
    use ErrorCode as E;
    let in_wit_order = [
        E::Alignment,
        E::Bounds,
        E::Overlap,
        E::Access,
        E::NotFound,
        E::Stale,
        E::Quota,
        E::Unsupported,
        E::Busy,
        E::OutOfMemory,
        E::Io,
        E::TimedOut,
        E::Deadlock,
    ];
    in_wit_order[usize::from(code)]
}

#[cfg(target_arch = "wasm32")]
mod import {
    use super::{HandleResult, UnitResult, c_int};

    #[link(wasm_import_module = "wasi:memory-control/mapping@0.1.0-draft")]
    unsafe extern "C" {
        #[link_name = "[static]mapping.map"]
        pub(super) fn map(
            list: u32,
            list_len: u32,
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
        pub(super) fn publish(mapping: u32, list: u32, list_len: u32, start: u64, len: u64, result: *mut UnitResult);
        #[link_name = "[method]mapping.refresh"]
        pub(super) fn refresh(mapping: u32, list: u32, list_len: u32, start: u64, len: u64, result: *mut UnitResult);
        #[link_name = "[method]mapping.sync"]
        pub(super) fn sync(mapping: u32, list: u32, list_len: u32, start: u64, len: u64, result: *mut UnitResult);
        #[link_name = "[method]mapping.unmap"]
        pub(super) fn unmap(mapping: u32, list: u32, list_len: u32, start: u64, len: u64, result: *mut UnitResult);
        #[link_name = "[method]mapping.acquire"]
        pub(super) fn acquire(
            mapping: u32,
            list: u32,
            list_len: u32,
            start: u64,
            len: u64,
            access: u32,
            result: *mut HandleResult,
        );
        #[link_name = "[method]mapping.acquire-within"]
        pub(super) fn acquire_within(
            mapping: u32,
            list: u32,
            list_len: u32,
            start: u64,
            len: u64,
            access: u32,
            timeout: u64,
            result: *mut HandleResult,
        );
        #[link_name = "[method]lease.upgrade"]
        pub(super) fn upgrade(
            lease: u32,
            list: u32,
            list_len: u32,
            start: u64,
            len: u64,
            timeout: u64,
            result: *mut UnitResult,
        );
        #[link_name = "[method]lease.downgrade"]
        pub(super) fn downgrade(lease: u32, list: u32, list_len: u32, start: u64, len: u64, result: *mut UnitResult);
        #[link_name = "[static]lease.release"]
        pub(super) fn release(lease: u32, list: u32, list_len: u32, start: u64, len: u64, result: *mut UnitResult);
    }

    unsafe extern "C" {
        pub(super) fn posix_fadvise(fd: c_int, offset: i64, len: i64, advice: c_int) -> c_int;
    }
}

/// The probe is a component; natively it only compiles.
#[cfg(not(target_arch = "wasm32"))]
mod import {
    use super::{HandleResult, UnitResult, c_int};

    #[expect(clippy::too_many_arguments, reason = "the canonical ABI flattens them")]
    pub(super) unsafe fn map(
        _: u32,
        _: u32,
        _: u64,
        _: u64,
        _: u32,
        _: u64,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: *mut HandleResult,
    ) {
        unreachable!()
    }

    pub(super) unsafe fn publish(_: u32, _: u32, _: u32, _: u64, _: u64, _: *mut UnitResult) {
        unreachable!()
    }

    pub(super) unsafe fn acquire(_: u32, _: u32, _: u32, _: u64, _: u64, _: u32, _: *mut HandleResult) {
        unreachable!()
    }

    #[expect(clippy::too_many_arguments, reason = "the canonical ABI flattens them")]
    pub(super) unsafe fn acquire_within(_: u32, _: u32, _: u32, _: u64, _: u64, _: u32, _: u64, _: *mut HandleResult) {
        unreachable!()
    }

    pub(super) unsafe fn upgrade(_: u32, _: u32, _: u32, _: u64, _: u64, _: u64, _: *mut UnitResult) {
        unreachable!()
    }

    pub(super) unsafe fn posix_fadvise(_: c_int, _: i64, _: i64, _: c_int) -> c_int {
        unreachable!()
    }

    pub(super) use self::{
        publish as downgrade, publish as refresh, publish as release, publish as sync, publish as unmap,
    };
}

static WHOLE_LISTS: AtomicBool = AtomicBool::new(false);

pub(crate) fn use_whole_lists(whole: bool) {
    WHOLE_LISTS.store(whole, Ordering::Relaxed);
}

/// Address and length of the list that goes with a window. The empty one stands somewhere: only its memory matters.
#[expect(clippy::cast_possible_truncation, reason = "what leaves a 32-bit memory traps, or is refused as a window")]
fn list(start: u64, len: u64) -> (u32, u32) {
    if WHOLE_LISTS.load(Ordering::Relaxed) { (start as u32, len as u32) } else { (8, 0) }
}

/// A window for calls that the bindings make, with an empty list.
pub(crate) fn window(start: u64, len: u64) -> Window {
    Window { memory: Vec::new(), start, len }
}

pub(crate) fn map(start: u64, len: u64, object: &Object, options: MapOptions) -> Result<Mapping, ErrorCode> {
    let mut result = HandleResult::default();
    let MapOptions { offset, protection, sharing, coherence, flags } = options;
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's. The test knows whose bytes change.
    unsafe {
        import::map(
            at,
            list_len,
            start,
            len,
            object.handle(),
            offset,
            protection as u32,
            sharing as u32,
            coherence as u32,
            flags.bits().into(),
            &raw mut result,
        );
    }
    let handle = result.get()?;
    // SAFETY: the host gave this handle to us alone.
    Ok(unsafe { Mapping::from_handle(handle) })
}

pub(crate) fn publish(mapping: &Mapping, start: u64, len: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's.
    unsafe { import::publish(mapping.handle(), at, list_len, start, len, &raw mut result) }
    result.get()
}

pub(crate) fn refresh(mapping: &Mapping, start: u64, len: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's. The test knows whose bytes change.
    unsafe { import::refresh(mapping.handle(), at, list_len, start, len, &raw mut result) }
    result.get()
}

pub(crate) fn sync(mapping: &Mapping, start: u64, len: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's.
    unsafe { import::sync(mapping.handle(), at, list_len, start, len, &raw mut result) }
    result.get()
}

pub(crate) fn unmap(mapping: &Mapping, start: u64, len: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's. The test knows whose bytes change.
    unsafe { import::unmap(mapping.handle(), at, list_len, start, len, &raw mut result) }
    result.get()
}

pub(crate) fn acquire(mapping: &Mapping, start: u64, len: u64, access: Access) -> Result<Lease, ErrorCode> {
    let mut result = HandleResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's. The test knows whose bytes change.
    unsafe { import::acquire(mapping.handle(), at, list_len, start, len, access as u32, &raw mut result) }
    let handle = result.get()?;
    // SAFETY: the host gave this handle to us alone.
    Ok(unsafe { Lease::from_handle(handle) })
}

pub(crate) fn acquire_within(
    mapping: &Mapping,
    (start, len): (u64, u64),
    access: Access,
    timeout: u64,
) -> Result<Lease, ErrorCode> {
    let mut result = HandleResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's. The test knows whose bytes change.
    unsafe {
        import::acquire_within(mapping.handle(), at, list_len, start, len, access as u32, timeout, &raw mut result);
    }
    let handle = result.get()?;
    // SAFETY: the host gave this handle to us alone.
    Ok(unsafe { Lease::from_handle(handle) })
}

pub(crate) fn upgrade(lease: &Lease, start: u64, len: u64, timeout: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's.
    unsafe { import::upgrade(lease.handle(), at, list_len, start, len, timeout, &raw mut result) }
    result.get()
}

pub(crate) fn downgrade(lease: &Lease, start: u64, len: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's.
    unsafe { import::downgrade(lease.handle(), at, list_len, start, len, &raw mut result) }
    result.get()
}

pub(crate) fn release(lease: Lease, start: u64, len: u64) -> Result<(), ErrorCode> {
    let mut result = UnitResult::default();
    let (at, list_len) = list(start, len);
    // SAFETY: the signature is the canonical ABI's; the handle is given away.
    unsafe { import::release(lease.take_handle(), at, list_len, start, len, &raw mut result) }
    result.get()
}

/// `posix_fadvise(fd, ticket, 0, POSIX_FADV_NOREUSE)`; the error is the errno.
pub(crate) fn advise(file: &File, ticket: u64) -> Result<(), i32> {
    // SAFETY: the signature is wasi-libc's, and the file is open.
    match unsafe { import::posix_fadvise(file.as_raw_fd(), ticket.cast_signed(), 0, 5) } {
        0 => Ok(()),
        errno => Err(errno),
    }
}
