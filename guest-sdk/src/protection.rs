//! What may be done to this guest's own memory, and giving memory back.
//!
//! A protected range traps whoever touches it against its protection, with the address and the kind of access in the host's message, and changes no byte. That
//! holds for this guest's code and for host code that acts for it. All but [`discard`] needs
//! [`Capabilities::PROTECTION`](crate::domain::Capabilities::PROTECTION), else it is [`Error::Unsupported`].
//!
//! # Sealing the null page and the constants
//! [`seal_rodata`] at the start of `main` makes address 0 and what is near it untouchable, and constants constant. The linker must be asked to put them at the
//! beginning of the memory, in this order; by default there is the stack, and after it the data. In the program's `build.rs`:
//!
//! ```no_run
//! let wasm = std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm");
//! let component = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "p2");
//! if wasm {
//!     // wasm-component-ld, which links components, doesn't know the flag yet and passes it on.
//!     let order = if component { "--append-lld-flag=--no-stack-first" } else { "--no-stack-first" };
//!     println!("cargo:rustc-link-arg={order}");
//!     // The first address of the constants: a multiple of every granule that the program is to run on.
//!     println!("cargo:rustc-link-arg=--global-base=65536");
//! }
//! ```
//!
//! or `-Clink-arg=…` in `RUSTFLAGS`. The memory is then: the null page, constants, variables, the stack, the heap. A stack that overflows no longer leaves the
//! memory but runs into variables: [`guard_stack`] puts a granule between them that traps.

use crate::bindings::protection as wire;
use crate::sys;
use crate::{Error, Result, domain};

pub use crate::bindings::protection::Bounds;
pub use crate::bindings::types::Protection;
pub use crate::rodata::{SealError, seal_rodata};
pub use crate::sys::discard_range;

/// Protects the beginning of this guest's memory, for as long as it lives. Both bounds are rounded down to the granule; the result is what they were
/// rounded to. [`seal_rodata`] knows the bounds for a program whose constants come first.
///
/// This is safe: no byte changes, and who stores there traps.
///
/// # Errors
/// [`Error::Access`] if the memory is sealed already; [`Error::Bounds`] if a bound is past the memory, or `read_only` is below `no_access`;
/// [`Error::Overlap`] if mappings or protected ranges lie there; [`Error::Unsupported`]; [`Error::Quota`]; [`Error::OutOfMemory`].
pub fn seal(bounds: Bounds) -> Result<Bounds> {
    sys::require_host()?;
    // Any byte of this memory will do: it says which memory is meant.
    Ok(wire::seal(&[0], bounds)?)
}

/// The bounds that are in force, 0 and 0 if the memory is not sealed.
///
/// ```
/// assert_eq!(memctl_guest::protection::sealed().no_access, 0);
/// ```
#[must_use]
pub fn sealed() -> Bounds {
    if sys::IS_GUEST { wire::sealed(&[0]) } else { Bounds { no_access: 0, read_only: 0 } }
}

/// Changes what may be done to `bytes`, any whole [granules](domain::granule) of this guest's memory: part of one window, or of none. A reference to them can
/// be passed, and stays valid: who uses it against the protection traps.
///
/// Memory that goes back to an allocator must be [`Protection::ReadWrite`], or the allocator traps.
/// [`GuardedBuf`](crate::GuardedBuf) and [`Arena`](crate::Arena) see to that.
///
/// ```no_run
/// use memctl_guest::protection::{self, Protection};
///
/// #[repr(align(65536))]
/// struct Table([u64; 8192]);
///
/// let table = Box::new(Table([7; 8192]));
/// let bytes = (&raw const *table).cast::<[u8; 65536]>();
/// protection::protect(bytes, Protection::Read)?;
/// assert_eq!(table.0[100], 7);
/// protection::protect(bytes, Protection::ReadWrite)?;
/// # Ok::<(), memctl_guest::Error>(())
/// ```
///
/// # Errors
/// [`Error::Alignment`]; [`Error::Bounds`]; [`Error::Overlap`] if there are bytes of a window and others; [`Error::Access`] if any of them is sealed, or to
/// make a window read-write whose object may only be read; [`Error::Quota`] if there would be too many protected ranges; [`Error::Unsupported`];
/// [`Error::OutOfMemory`]. Nothing has changed then.
pub fn protect(bytes: *const [u8], protection: Protection) -> Result<()> {
    sys::protect(bytes, protection)
}

/// Makes `bytes` zero, and gives storage back to the host where it can: that of the [granules](domain::granule) that lie wholly in them.
///
/// ```no_run
/// let mut cache = vec![1_u8; 16 << 20];
/// // For now nothing is cached, and nothing is resident.
/// memctl_guest::protection::discard(&mut cache)?;
/// assert!(cache.iter().all(|&byte| byte == 0));
/// # Ok::<(), memctl_guest::Error>(())
/// ```
///
/// # Errors
/// [`Error::Overlap`] if there are bytes of a window and others; [`Error::Access`] if any of them can't be stored to; [`Error::Busy`] if anybody, this guest
/// included, has a lease on any of them; [`Error::Unsupported`] outside a wasm guest; [`Error::Io`]; [`Error::OutOfMemory`]. No byte has changed then.
pub fn discard(bytes: &mut [u8]) -> Result<()> {
    sys::discard(bytes)
}

/// Makes the granule at the end of the stack untouchable, so that a stack that overflows traps instead of running into what lies below. A function with more local bytes than
/// a granule can step over it.
///
/// Where the stack begins at address 0 this does nothing: there an overflow leaves the memory, and traps.
///
/// # Errors
/// [`Error::Access`] if it was done before and the domain can't tell; [`Error::Overlap`]; [`Error::Quota`]; [`Error::Unsupported`]; [`Error::OutOfMemory`].
pub fn guard_stack() -> Result<()> {
    let image = sys::image().ok_or(Error::Unsupported)?;
    if image.stack_low < image.base {
        return Ok(());
    }
    let granule = domain::granule();
    let guard = image.stack_low.next_multiple_of(granule);
    protect(core::ptr::slice_from_raw_parts(core::ptr::without_provenance(guard), granule), Protection::None)
}

/// The record that [`declare_protection!`](crate::declare_protection) puts into the module.
///
/// # Panics
/// If the read-only part ends before the no-access part; where it is a constant, that is a compile error.
#[must_use]
pub const fn declaration(no_access: u64, read_only: u64) -> [u8; 24] {
    const VERSION: u8 = 1;
    assert!(no_access <= read_only, "the read-only part ends before the no-access part");
    let [n0, n1, n2, n3, n4, n5, n6, n7] = no_access.to_le_bytes();
    let [r0, r1, r2, r3, r4, r5, r6, r7] = read_only.to_le_bytes();
    // Memory 0.
    [VERSION, 0, 0, 0, 0, 0, 0, 0, n0, n1, n2, n3, n4, n5, n6, n7, r0, r1, r2, r3, r4, r5, r6, r7]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_a_guest_nothing_is_protected() {
        let bytes = [0; 16];
        assert_eq!(protect(&raw const bytes, Protection::Read), Err(Error::Unsupported));
        assert_eq!(seal(Bounds { no_access: 0, read_only: 0 }), Err(Error::Unsupported));
        assert_eq!(discard(&mut [1; 4]), Err(Error::Unsupported));
        assert_eq!(guard_stack(), Err(Error::Unsupported));
    }
}
