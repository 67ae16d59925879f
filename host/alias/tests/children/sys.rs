//! What the tests need and safe Rust does not give.

use std::ffi::{c_int, c_void};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{mem, ptr};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Exit status of a child that did all it was to do.
pub(crate) const DONE: i32 = 7;
/// Exit statuses of [`exit_on_faults`].
pub(crate) const SAW_SEGV: i32 = 41;
pub(crate) const SAW_BUS: i32 = 42;
/// The same, if the fault is not where [`expect_fault_at`] said.
const SAW_ELSEWHERE: i32 = 43;

/// Ends the process with [`DONE`], and runs nothing on the way: a sanitizer's last checks need what this process may have used up.
pub(crate) fn leave() -> ! {
    // SAFETY: has no conditions.
    unsafe { libc::_exit(DONE) }
}

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

/// A page of a file that was cut off.
pub(crate) fn vanished_page() -> *mut u8 {
    let file = tempfile::tempfile().expect("temporary file");
    file.set_len(4096).expect("room");
    // SAFETY: without MAP_FIXED the kernel takes addresses that nobody uses.
    let at = unsafe { rustix::mm::mmap(ptr::null_mut(), 4096, ProtFlags::READ, MapFlags::SHARED, file.as_fd(), 0) };
    file.set_len(0).expect("shorter");
    at.expect("address space").cast()
}

/// Gives back one of what [`use_up_mappings`] made.
pub(crate) fn give_back(mapping: *mut u8) {
    // SAFETY: a page that was mapped for nothing but to be there.
    unsafe { rustix::mm::munmap(mapping.cast(), rustix::param::page_size()) }.expect("it is a mapping");
}

/// Whether a descriptor is open.
pub(crate) fn is_open(descriptor: c_int) -> bool {
    // SAFETY: only asks.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) != -1 }
}

/// Bounds a resource of this process; gives what it was.
pub(crate) fn limit(resource: Resource, to: Option<u64>) -> Option<u64> {
    let before = getrlimit(resource);
    setrlimit(resource, Rlimit { current: to, ..before }).expect("no more than the hard limit");
    before.current
}

/// Makes mappings, alternately of two protections so that they don't merge, until the kernel refuses.
///
/// Returns the last few.
pub(crate) fn use_up_mappings() -> [*mut u8; 8] {
    let page = rustix::param::page_size();
    let mut last = [ptr::null_mut(); 8];
    // What the allocator may need later must exist before.
    drop(vec![1_u8; 1 << 16]);
    for turn in 0_usize.. {
        let protection = if turn % 2 == 0 { ProtFlags::READ } else { ProtFlags::empty() };
        match map(page, protection) {
            Some(at) => last[turn % 8] = at,
            None => break,
        }
    }
    last
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

/// As [`raise`], for the whole process: kill(2).
pub(crate) fn send(signal: c_int) {
    let this = libc::pid_t::try_from(std::process::id()).expect("a process number");
    // SAFETY: has no conditions.
    unsafe { libc::kill(this, signal) };
}

/// Takes the thread's alternate stack away.
pub(crate) fn no_alternate_stack() {
    let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: nobody runs on it.
    assert_eq!(unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) }, 0);
}

/// Uses up the thread's stack.
pub(crate) fn overflow_the_stack(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX { frame[0] } else { overflow_the_stack(depth + 1) + std::hint::black_box(frame)[63] }
}

/// Runs `act` in a fork of this process, and returns the status that it exited with: [`DONE`] after `act`.
pub(crate) fn in_a_fork(act: impl FnOnce()) -> Option<i32> {
    // SAFETY: the process has one thread that does anything, so that no lock is held by one that the fork lacks.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        act();
        leave();
    }
    let mut status = 0;
    // SAFETY: `status` is ours to write.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
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

static EXPECTED: AtomicUsize = AtomicUsize::new(0);

/// Where [`exit_on_faults`] should see the fault.
pub(crate) fn expect_fault_at(at: *const u8) -> *const u8 {
    EXPECTED.store(at.addr(), Ordering::Relaxed);
    at
}

extern "C" fn on_detailed(signal: c_int, details: *mut libc::siginfo_t, _context: *mut c_void) {
    // SAFETY: the kernel, or the handler that passes the signal on, gives valid details.
    let details = unsafe { &*details };
    let expected = EXPECTED.load(Ordering::Relaxed);
    // SAFETY: an address is expected of faults only, which have one.
    if expected != 0 && unsafe { details.si_addr() }.addr() != expected {
        // SAFETY: safe in a handler, and ends the process.
        unsafe { libc::_exit(SAW_ELSEWHERE) }
    }
    on_plain(details.si_signo * i32::from(details.si_signo == signal));
}

/// Whom a handler below took over from: for SIGSEGV, and for SIGBUS.
static BEFORE: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];
static SEEN: AtomicUsize = AtomicUsize::new(0);

/// How many signals those handlers saw.
pub(crate) fn seen() -> usize {
    SEEN.load(Ordering::Relaxed)
}

fn before(signal: c_int) -> &'static OnceLock<libc::sigaction> {
    &BEFORE[usize::from(signal == libc::SIGBUS)]
}

fn take_over(handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)) {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: all-zero bytes are a `sigaction`.
        let mut there: libc::sigaction = unsafe { mem::zeroed() };
        // SAFETY: a null action only asks.
        assert_eq!(unsafe { libc::sigaction(signal, ptr::null(), &raw mut there) }, 0);
        assert!(before(signal).set(there).is_ok(), "once");
        set(signal, handler as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
    }
}

/// Installs handlers that look and then call who was there before, as crash reporters do.
pub(crate) fn look_and_pass_on() {
    take_over(on_look);
}

extern "C" fn on_look(signal: c_int, details: *mut libc::siginfo_t, context: *mut c_void) {
    SEEN.fetch_add(1, Ordering::Relaxed);
    let there = before(signal).get().expect("set before the handler");
    assert_ne!(there.sa_flags & libc::SA_SIGINFO, 0);
    type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
    // SAFETY: a handler installed with SA_SIGINFO has this type.
    let handler = unsafe { mem::transmute::<usize, Handler>(there.sa_sigaction) };
    handler(signal, details, context);
}

/// Installs handlers that look and then put back who was there before, so that the access repeats: the other kind of crash reporter.
pub(crate) fn look_and_step_aside() {
    take_over(on_step_aside);
}

extern "C" fn on_step_aside(signal: c_int, _details: *mut libc::siginfo_t, _context: *mut c_void) {
    SEEN.fetch_add(1, Ordering::Relaxed);
    let there = before(signal).get().expect("set before the handler");
    // SAFETY: what the kernel once gave.
    unsafe { libc::sigaction(signal, there, ptr::null_mut()) };
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
