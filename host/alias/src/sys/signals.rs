//! The fault handler.
//!
//! | fault | in host code | elsewhere (compiled guest code) |
//! |---|---|---|
//! | SIGSEGV in the accessible bytes of a reservation | recorded; a scratch page; the access repeats and succeeds | noted; previous handler (the engine's: a trap) |
//! | SIGBUS there | the same | noted; an inaccessible page; the access repeats as SIGSEGV |
//! | anything else | previous handler | previous handler |
//!
//! This works in both orders with an engine's own handler: one installed later runs first, keeps what is in its guest code, and passes on the
//! rest to this one; one installed earlier is the previous handler here.
//!
//! A *scratch page* is private zeroed memory over one host page. From the 65th fault that nobody took on, or when the kernel
//! has no room for one more mapping, the whole accessible memory becomes scratch at once: the guest will be trapped anyway, and no guest can make
//! the host spend a fault on each page of a large memory. Who uses a shared object elsewhere never notices.
//!
//! Only atomics and raw system calls here: `signal-safety(7)`. The thread that faults uses the reservation, so it lives; the pin holds it
//! even if a wild pointer of somebody else led here.

use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;

use libc::{SA_NODEFER, SA_ONSTACK, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGBUS, SIGSEGV, sigaction, siginfo_t};
use memctl_core::Error;
use rustix::io::Errno;

use super::{code, context, page_size, spare};
use crate::errno::refused;
use crate::fault::{Fault, FaultKind};
use crate::table::{self, Slot};

/// Faults of host code that each get a page of their own.
const SINGLE_PAGES: u64 = 64;

/// `si_code` of SIGSEGV for nothing mapped there and for a forbidden access (`sigaction(2)`; libc lacks them on Linux).
const SEGV_MAPERR: c_int = 1;
const SEGV_ACCERR: c_int = 2;

/// What was there before, set before the handler is.
static PREVIOUS_SEGV: OnceLock<sigaction> = OnceLock::new();
static PREVIOUS_BUS: OnceLock<sigaction> = OnceLock::new();

/// Installs the fault handler for the process, once, and learns of libraries loaded since the last call.
///
/// The first [`Reservation::new`](crate::Reservation::new) does it too. Call it after loading a library at run time whose code will touch
/// guest memory.
///
/// A handler that the embedder installed before gets every fault that isn't ours, details and all. One that is installed later, as crash reporters
/// do, must call the handler that it replaced, or put it back and return: one that keeps what it gets takes our faults for crashes.
///
/// The handler stays for good: wasmtime's `Engine::unload_process_handlers` must not be used with an engine created before it.
///
/// ```
/// memctl_alias::install()?;
/// # Ok::<(), memctl_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`] if the system does not let signals be handled.
pub fn install() -> Result<(), Error> {
    static INSTALLED: OnceLock<Result<(), Errno>> = OnceLock::new();
    page_size();
    code::refresh();
    spare::FOR_FAULTS.hold();
    spare::FOR_HIDE.hold();
    INSTALLED
        .get_or_init(|| {
            take_over(SIGSEGV, &PREVIOUS_SEGV)?;
            take_over(SIGBUS, &PREVIOUS_BUS)
        })
        .map_err(|errno| refused("install the fault handler", errno))
}

fn take_over(signal: c_int, previous: &OnceLock<sigaction>) -> Result<(), Errno> {
    // SAFETY: all-zero bytes are a `sigaction`: numbers, a set of bits and an optional function.
    let mut before: sigaction = unsafe { mem::zeroed() };
    // SAFETY: a null action only asks, and `before` is ours to write.
    if unsafe { sigaction(signal, ptr::null(), &raw mut before) } != 0 {
        return Err(last_errno());
    }
    previous.get_or_init(|| before);
    let mut ours = before;
    ours.sa_sigaction = on_fault as *const () as usize;
    // ONSTACK: an overflowing stack must still reach the previous handler. NODEFER: a fault inside the previous handler, too.
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    // SAFETY: the set is ours to write.
    unsafe { libc::sigemptyset(&raw mut ours.sa_mask) };
    // SAFETY: `on_fault` has the type that SA_SIGINFO asks for and does only what a handler may.
    if unsafe { sigaction(signal, &raw const ours, ptr::null_mut()) } != 0 {
        return Err(last_errno());
    }
    Ok(())
}

fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// The handler.
///
/// # Safety
/// Called by the kernel only, or by a later handler that passes on its own arguments.
unsafe extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: these are the handler's own arguments.
    let (why, seen) = unsafe { see(signal, info, context) };
    if let Some((address, kind, access)) = seen {
        // SAFETY: has no conditions.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: it is the address of the thread's own errno, which always holds a number.
        let before = unsafe { *errno };
        let contained = contain(address, kind, &access);
        // The interrupted code may be about to read it.
        // SAFETY: as above.
        unsafe { *errno = before };
        if contained {
            return;
        }
    }
    // SAFETY: these are the handler's own arguments.
    unsafe { pass_on(signal, why, info, context) };
}

/// Notes a fault of guest code for [`Reservation::last_fault`](crate::Reservation::last_fault) and does nothing else, for an engine's
/// handler that runs before this crate's and keeps such faults to itself. Async-signal-safe.
///
/// # Safety
/// The arguments are those of a running `SA_SIGINFO` handler of SIGSEGV or SIGBUS.
pub unsafe fn note_fault(signal: c_int, info: *const siginfo_t, context: *const c_void) {
    // SAFETY: the caller's promise.
    let (_, seen) = unsafe { see(signal, info, context) };
    if let Some((address, kind, access)) = seen
        && let Some(slot) = table::find(address)
    {
        slot.note(fault_at(&slot, address, kind, &access));
    }
}

/// The signal's `si_code`; and where and why the access faulted, if that is what the signal is about.
///
/// # Safety
/// The arguments are those of a running `SA_SIGINFO` handler of SIGSEGV or SIGBUS.
unsafe fn see(
    signal: c_int,
    info: *const siginfo_t,
    context: *const c_void,
) -> (c_int, Option<(usize, FaultKind, context::Access)>) {
    // SAFETY: the kernel passes a valid `siginfo_t` to an SA_SIGINFO handler.
    let details = unsafe { &*info };
    let why = details.si_code;
    let kind = match (signal, why) {
        (SIGSEGV, SEGV_MAPERR | SEGV_ACCERR) => FaultKind::Protection,
        (SIGBUS, libc::BUS_ADRERR | libc::BUS_MCEERR_AR) => FaultKind::Vanished,
        _ => return (why, None),
    };
    // SAFETY: these codes are faults of the kernel's making, which carry an address.
    let address = unsafe { details.si_addr() }.addr();
    // SAFETY: the caller's promise.
    let access = unsafe { context::access(context) };
    (why, Some((address, kind, access)))
}

fn fault_at(slot: &Slot, address: usize, kind: FaultKind, access: &context::Access) -> Fault {
    let (base, _) = slot.accessible();
    Fault { address: (address - base) as u64, kind, write: access.write }
}

/// Does what the table above says; whether the access may repeat.
fn contain(address: usize, kind: FaultKind, access: &context::Access) -> bool {
    let Some(slot) = table::find(address) else { return false };
    let fault = fault_at(&slot, address, kind, access);
    if code::is_host(access.pc) {
        let faults = table::record(&slot, fault);
        (faults <= SINGLE_PAGES && lay_page(&slot, address, libc::PROT_READ | libc::PROT_WRITE))
            || lay_all(&slot, libc::PROT_READ | libc::PROT_WRITE)
    } else {
        slot.note(fault);
        match kind {
            FaultKind::Protection => false,
            FaultKind::Vanished => lay_page(&slot, address, libc::PROT_NONE) || lay_all(&slot, libc::PROT_NONE),
        }
    }
}

/// Lays private zeroed memory over the host page of an address that the slot holds.
fn lay_page(slot: &Slot, address: usize, protection: c_int) -> bool {
    let (base, end) = slot.accessible();
    let page = address & !(page_size() - 1);
    (base..end).contains(&page) && lay(page, page_size(), protection)
}

/// Lays private zeroed memory over all accessible host pages. Their edges are edges of mappings already, so this needs room for no
/// more mappings; a kernel that has one too many already refuses even that, hence the spare.
fn lay_all(slot: &Slot, protection: c_int) -> bool {
    let (base, end) = slot.accessible();
    lay(base, end - base, protection) || (spare::FOR_FAULTS.give() && lay(base, end - base, protection))
}

fn lay(start: usize, len: usize, protection: c_int) -> bool {
    const FLAGS: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // The C library's mmap is not listed as safe in a handler; the system call is.
    // SAFETY: both callers pass whole host pages inside the accessible part of a pinned slot's reservation, to whose bytes nobody but a
    // caller of `with_bytes` has references; that one is told that they may turn zero.
    unsafe { libc::syscall(libc::SYS_mmap, start, len, protection, FLAGS, -1, 0) != -1 }
}

/// Gives the signal to who had it before.
///
/// # Safety
/// The arguments are those of the running handler.
unsafe fn pass_on(signal: c_int, why: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let previous = if signal == SIGBUS { PREVIOUS_BUS.get() } else { PREVIOUS_SEGV.get() };
    let Some(previous) = previous else { return };
    let from_kernel = why > 0;
    match previous.sa_sigaction {
        // Somebody sent it with kill(2), and it was ignored.
        SIG_IGN if !from_kernel => {}
        // The access repeats without a handler: the kernel ends the process, also where it is told to ignore the signal (signal(7)).
        SIG_DFL | SIG_IGN => {
            // SAFETY: `previous` was filled in by the kernel.
            unsafe { sigaction(signal, previous, ptr::null_mut()) };
            if !from_kernel {
                // What was sent does not repeat by itself.
                // SAFETY: always allowed, and safe in a handler.
                unsafe { libc::raise(signal) };
            }
        }
        handler if previous.sa_flags & SA_SIGINFO != 0 => {
            type WithInfo = unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void);
            // SAFETY: a handler installed with SA_SIGINFO has this type.
            let handler = unsafe { mem::transmute::<usize, WithInfo>(handler) };
            // SAFETY: the caller's promise.
            unsafe { handler(signal, info, context) };
        }
        handler => {
            // SAFETY: a handler installed without SA_SIGINFO has this type.
            let handler = unsafe { mem::transmute::<usize, unsafe extern "C" fn(c_int)>(handler) };
            // SAFETY: it takes any signal that it was installed for.
            unsafe { handler(signal) };
        }
    }
}
