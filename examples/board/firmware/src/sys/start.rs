//! The first Rust that runs, and where panics end.

use crate::sys::machine::{boot, clock, console};
use crate::sys::{arena, place, stack};

/// Bytes of the kernel's stack. The bare firmware runs the guest on it too.
const KERNEL_STACK: usize = if cfg!(feature = "partitions") { 12 << 10 } else { 16 << 10 };

/// The kernel's stack, placed by `link/sections.ld`.
#[repr(C, align(16))]
struct Stack([core::cell::UnsafeCell<u8>; KERNEL_STACK]);
// SAFETY: nobody names it; the machine alone uses it, by the linker's symbols.
unsafe impl Sync for Stack {}
#[used]
#[unsafe(link_section = ".kernel_stack")]
static STACK: Stack = Stack([const { core::cell::UnsafeCell::new(0) }; KERNEL_STACK]);

/// Left unpainted at the top of the stack: what is in use when painting starts.
const IN_USE: usize = 512;

/// Where the reset code goes once statics are in place.
#[unsafe(no_mangle)]
extern "C" fn board_main() -> ! {
    boot::prepare();
    let mut unused = place::kernel_stack();
    unused.end -= IN_USE;
    // SAFETY: the stack was reset some bytes ago and grows down; what is further than that below its top is not in use.
    unsafe { stack::paint(unused) };
    clock::start();
    arena::prepare_kernel();
    console::exit(crate::main())
}
