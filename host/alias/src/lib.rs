//! Backend with an MMU: the same physical page shown twice.
//!
//! A guest's linear memory is a [`Reservation`]: a stretch of address space that never moves. An object is a
//! [`FileObject`]: anonymous memory or a regular file. To *show* an object in a window of a memory is to let the
//! memory-management unit answer the window's addresses with the object's own pages; no byte is copied, and two
//! memories that show one object are coherent at once.
//!
//! ```
//! use memctl_alias::{FileObject, Reservation, host_page_size};
//! # fn main() -> Result<(), memctl_core::Error> {
//! let page = host_page_size();
//! let size = usize::try_from(4 * page).expect("four host pages");
//! let object = FileObject::anonymous(page)?;
//! let (left, right) = (Reservation::new(size, size, 0)?, Reservation::new(size, size, 0)?);
//! left.show_shared(0, page, &object, 0)?;
//! right.show_shared(2 * page, page, &object, 0)?;
//! left.write(10, b"hello")?;
//! let mut seen = [0; 5];
//! right.read(2 * page + 10, &mut seen)?;
//! assert_eq!(&seen, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! This crate moves pages and nothing else. Which guest may see which bytes, quotas, leases and coherence points are
//! decided above it, in `memctl-core`; it knows no WebAssembly engine.
//!
//! # Fault containment
//! A window can be protected, and a file can be cut off under its mapping by another process. WebAssembly engines turn
//! a fault in *guest code* into a trap, but host code that acts for a guest (a bulk copy, lifting a list) would die of
//! it, and so would the process. [`install`] puts a handler before that: a fault of host code inside a reservation gets
//! a *scratch page*, private memory laid over the host page that faulted, so that the host code ends and the object is
//! untouched. What happened waits in [`Reservation::take_fault`]; who runs the guest asks there at the next crossing
//! and traps it. Every other fault goes to the handler that was there before. The module comment in `sys/signals.rs` tells the
//! rules.
//!
//! # Where the unsafe code is
//! In `sys/` only: `space.rs` (the system calls on a reservation's pages), `bytes.rs` (copies), `signals.rs` and `context.rs` (the
//! handler), `code.rs` (which addresses are host code). `spare.rs`, all safe, keeps
//! room for the mappings that taking a right back may need. The table that the handler reads, `table.rs` and `table/slot.rs`, is safe code.
#![cfg(target_os = "linux")]
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

mod device;
mod errno;
mod fault;
mod file;
mod reservation;
mod sync;
mod sys;
mod table;

pub use fault::{Fault, FaultKind};
pub use file::FileObject;
pub use reservation::Reservation;
pub use sys::{Protection, install, note_fault};
pub use table::contained_faults;

/// The host page in bytes: the granule of this backend.
///
/// See [`sysconf(3)`](https://man7.org/linux/man-pages/man3/sysconf.3.html), `_SC_PAGESIZE`.
///
/// ```
/// assert!(memctl_alias::host_page_size().is_power_of_two());
/// ```
#[must_use]
pub fn host_page_size() -> u64 {
    sys::page_size() as u64
}
