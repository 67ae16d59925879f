//! What the tests need and safe Rust does not give.

use std::ffi::{c_int, c_void};
use std::{mem, ptr};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Exit status of [`exit_on_faults`] for SIGSEGV.
pub(crate) const SAW_SEGV: i32 = 41;
const SAW_BUS: i32 = 42;

/// A test's death is expected: it leaves no core file.
pub(crate) fn no_core_dump() {
    _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

fn map(len: usize, protection: ProtFlags) -> Option<*mut u8> {
    // SAFETY: without MAP_FIXED the kernel takes addresses that nobody uses.
    unsafe { mmap_anonymous(ptr::null_mut(), len, protection, MapFlags::PRIVATE) }.ok().map(<*mut c_void>::cast)
}

pub(crate) fn inaccessible_page() -> *mut u8 {
    map(4096, ProtFlags::empty()).expect("address space")
}

/// Makes mappings, alternately of two protections so that they don't merge, until the kernel refuses.
pub(crate) fn use_up_mappings() {
    let page = rustix::param::page_size();
    // What the allocator may need later must exist before.
    drop(vec![1_u8; 1 << 16]);
    for turn in 0.. {
        let protection = if turn % 2 == 0 { ProtFlags::READ } else { ProtFlags::empty() };
        if map(page, protection).is_none() {
            return;
        }
    }
}

/// One load by host code.
pub(crate) fn load(at: *const u8) -> u8 {
    // SAFETY: not sound, which is what these tests are about: the kernel, not the compiler, answers a volatile access.
    unsafe { ptr::read_volatile(at) }
}

/// One load by code that no loader knows, as an engine would compile it.
pub(crate) fn compiled_load() -> extern "C" fn(*const u8) -> u8 {
    #[cfg(target_arch = "x86_64")]
    // movzx eax, byte ptr [rdi]; ret
    const CODE: [u8; 4] = [0x0f, 0xb6, 0x07, 0xc3];
    #[cfg(target_arch = "aarch64")]
    // ldrb w0, [x0]; ret
    const CODE: [u8; 8] = [0x00, 0x00, 0x40, 0x39, 0xc0, 0x03, 0x5f, 0xd6];
    let at = map(4096, ProtFlags::READ | ProtFlags::WRITE).expect("memory");
    // SAFETY: a fresh page, longer than the code.
    unsafe { ptr::copy_nonoverlapping(CODE.as_ptr(), at, CODE.len()) };
    // SAFETY: the page is ours and nobody holds a reference to it.
    unsafe { rustix::mm::mprotect(at.cast(), 4096, rustix::mm::MprotectFlags::READ | rustix::mm::MprotectFlags::EXEC) }
        .expect("protect");
    // SAFETY: the code at that address follows the C calling convention for this type.
    unsafe { mem::transmute::<*mut u8, extern "C" fn(*const u8) -> u8>(at) }
}

pub(crate) fn raise(signal: c_int) {
    // SAFETY: has no conditions.
    unsafe { libc::raise(signal) };
}

fn set(signal: c_int, handler: usize, flags: c_int) {
    // SAFETY: all-zero bytes are a `sigaction`.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the callers pass a disposition or a handler of the type that `flags` asks for.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) }, 0);
}

/// `handler` is `SIG_DFL`, `SIG_IGN` or [`plain_handler`].
pub(crate) fn set_handler(signal: c_int, handler: usize) {
    set(signal, handler, 0);
}

/// A handler that knows the signal's number only.
pub(crate) fn plain_handler() -> usize {
    on_plain as extern "C" fn(c_int) as usize
}

extern "C" fn on_plain(signal: c_int) {
    // SAFETY: safe in a handler, and ends the process.
    unsafe { libc::_exit(if signal == libc::SIGSEGV { SAW_SEGV } else { SAW_BUS }) }
}

/// Installs handlers that end the process with a status that tells the signal.
pub(crate) fn exit_on_faults() {
    let handler = on_detailed as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
    set(libc::SIGSEGV, handler, libc::SA_SIGINFO);
    set(libc::SIGBUS, handler, libc::SA_SIGINFO);
}

extern "C" fn on_detailed(signal: c_int, details: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the kernel, or the handler that passes the signal on, gives valid details.
    let details = unsafe { &*details };
    on_plain(details.si_signo * i32::from(details.si_signo == signal));
}

/// Installs a handler that makes the host page accessible, as nobody should: the access goes on.
pub(crate) fn repair_faults() {
    let handler = on_fault_repair as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
    set(libc::SIGSEGV, handler, libc::SA_SIGINFO);
}

extern "C" fn on_fault_repair(_signal: c_int, details: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the handler that passes the signal on gives valid details.
    let details = unsafe { &*details };
    let page = rustix::param::page_size();
    // SAFETY: the details are those of a fault, which has an address.
    let at = unsafe { details.si_addr() };
    let at = at.map_addr(|at| at & !(page - 1));
    // SAFETY: the page is in a memory of the test, to which nobody holds references.
    _ = unsafe { libc::mprotect(at, page, libc::PROT_READ | libc::PROT_WRITE) };
}

pub(crate) fn set_errno(errno: c_int) {
    with_errno(|at| *at = errno);
}

pub(crate) fn errno() -> c_int {
    with_errno(|at| *at)
}

fn with_errno<R>(f: impl FnOnce(&mut c_int) -> R) -> R {
    // SAFETY: has no conditions.
    let at = unsafe { libc::__errno_location() };
    // SAFETY: it is the address of the thread's own errno, and `f` does nothing else with it.
    f(unsafe { &mut *at })
}
