//! Which addresses are host code.
//!
//! Host code is what the dynamic loader put in place: the program, its shared libraries and the vDSO. What an engine compiled at run time, or
//! mapped from its cache, is not in the loader's list (`dl_iterate_phdr(3)`).

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

use libc::{PF_X, PT_LOAD, dl_phdr_info, size_t};

/// Executable segments. A list that was published is never freed, since a handler may be reading it; a new one is made only when the
/// loader's counts moved and the segments differ, which `dlopen(3)` and `dlclose(3)` cause.
static SEGMENTS: AtomicPtr<Vec<Range<usize>>> = AtomicPtr::new(ptr::null_mut());

/// How many objects the loader ever added and removed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counts {
    adds: u64,
    subs: u64,
}

static SEEN: Mutex<Option<Counts>> = Mutex::new(None);

struct Walk {
    before: Option<Counts>,
    now: Option<Counts>,
    segments: Vec<Range<usize>>,
}

/// Brings the list up to date. Takes the loader's lock: not for handlers.
pub(super) fn refresh() {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut walk = Walk { before: *seen, now: None, segments: Vec::new() };
    // SAFETY: `visit` has the type that is asked for and takes its third argument for what is passed here.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut walk).cast()) };
    if walk.before.is_some() && walk.before == walk.now {
        return;
    }
    *seen = walk.now;
    if published() != Some(&walk.segments) {
        SEGMENTS.store(Box::into_raw(Box::new(walk.segments)), Ordering::Release);
    }
}

fn published() -> Option<&'static Vec<Range<usize>>> {
    // SAFETY: the pointer is null or came from `Box::into_raw`, and no list is ever freed or changed.
    unsafe { SEGMENTS.load(Ordering::Acquire).as_ref() }
}

/// Whether `pc` is host code. Async-signal-safe.
pub(super) fn is_host(pc: usize) -> bool {
    published().is_some_and(|segments| segments.iter().any(|segment| segment.contains(&pc)))
}

/// Called for each object; a non-zero answer ends the walk.
unsafe extern "C" fn visit(object: *mut dl_phdr_info, _size: size_t, walk: *mut c_void) -> c_int {
    // SAFETY: `refresh` passed its own `Walk`, and uses it no earlier than the walk's end.
    let walk = unsafe { &mut *walk.cast::<Walk>() };
    // SAFETY: the loader passes a valid structure for the length of this call. glibc since 2.4 and musl fill in the counts.
    let object = unsafe { &*object };
    let now = Counts { adds: object.dlpi_adds, subs: object.dlpi_subs };
    walk.now = Some(now);
    if walk.before == Some(now) {
        return 1;
    }
    if object.dlpi_phdr.is_null() {
        return 0;
    }
    // SAFETY: `dlpi_phdr` points to `dlpi_phnum` headers (dl_iterate_phdr(3)).
    let headers = unsafe { std::slice::from_raw_parts(object.dlpi_phdr, usize::from(object.dlpi_phnum)) };
    for header in headers {
        if header.p_type == PT_LOAD && header.p_flags & PF_X != 0 {
            let start = address(object.dlpi_addr.wrapping_add(header.p_vaddr));
            walk.segments.push(start..start.saturating_add(address(header.p_memsz)));
        }
    }
    0
}

/// The loader's 64 bits as an address, which is as wide on every target of this crate.
fn address(word: u64) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_function_and_the_c_library_are_host_code_and_data_is_not() {
        refresh();
        assert!(is_host(refresh as fn() as usize));
        assert!(is_host(libc::memcpy as *const () as usize));
        let data = Box::new(1_u8);
        assert!(!is_host((&raw const *data).addr()));
        assert!(!is_host(0));
    }
}
