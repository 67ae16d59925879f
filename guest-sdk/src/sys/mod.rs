//! All that needs `unsafe`: guest memory that the host changes, and the calls that do it.
//!
//! What keeps this sound, in four rules:
//!
//! 1. The bytes of a window are allocated once ([`Pages`]) and reached only through raw pointers, except where rule 2 lends them.
//! 2. [`Lent`], [`LentMut`] and [`Shown::cells`] make references to them, and borrow the [`Shown`] for as long.
//! 3. While a lease is held the host changes none of its bytes; while none is needed (a private mapping) it changes none at all.
//!    Every other call that may change bytes takes `&mut Shown`, so that no reference is alive. Bytes behind `&[Cell<u8>]` may
//!    change in any host call; the host gives no lease on bytes that such a window shows elsewhere.
//! 4. [`Pages`] go back to the allocator only when the host said that they show nothing any more. If it can't say so, because a
//!    leaked guard still holds a lease, they are leaked.
//! 5. [`Fenced`] bytes are allocated once, and nobody else's: the host changes them only in `discard`, which takes them exclusively, or which
//!    initialises those that nobody could refer to before. What may be done to them is no matter of soundness: against it there is a trap, never another value. So changing that is safe.
//! 6. The bytes of a window that shows a heap ([`Attached`]) are reached only in blocks that the host said are this guest's ([`Held`], of which there is one for each
//!    block). The host changes a block's bytes only in the call that makes it this guest's, before there is a reference to them. No other guest may store there, and
//!    where host pages don't keep it from that, what it stores is a value all the same, since blocks are plain old data.
//!
//! On rule 3: an `automatic` window is refreshed at crossings, also under a lease. Nobody else can write then, so the bytes that the
//! host stores are those that are there.

mod attached;
mod bump;
mod declared;
mod discard;
mod extra;
mod fenced;
#[cfg(target_arch = "wasm32")]
mod heap_wire;
#[cfg(not(target_arch = "wasm32"))]
#[path = "heap_wire_absent.rs"]
mod heap_wire;
mod held;
#[cfg(target_arch = "wasm32")]
mod image;
#[cfg(not(target_arch = "wasm32"))]
#[path = "image_absent.rs"]
mod image;
#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(not(target_arch = "wasm32"))]
#[path = "imports_absent.rs"]
mod imports;
mod lent;
mod pages;
mod plain;
#[cfg(target_arch = "wasm32")]
mod ranges;
#[cfg(not(target_arch = "wasm32"))]
#[path = "ranges_absent.rs"]
mod ranges;
mod raw;
mod shown;
#[cfg(target_arch = "wasm32")]
mod wire;
#[cfg(not(target_arch = "wasm32"))]
#[path = "wire_absent.rs"]
mod wire;

pub(crate) use attached::Attached;
pub(crate) use bump::Bump;
pub(crate) use discard::discard;
pub use discard::discard_range;
pub use extra::Address;
pub(crate) use extra::{ordering, sealed as address, settle};
pub(crate) use fenced::Fenced;
pub(crate) use held::Held;
pub(crate) use image::{Image, image};
pub(crate) use lent::{Lent, LentMut, LentUpgradable};
pub(crate) use pages::Pages;
#[cfg(test)]
pub(crate) use ranges::in_tests::simulated;
pub use raw::RawMapping;
pub(crate) use shown::{AT_ONCE, Lending, Shown, Unmapped};
#[cfg(all(feature = "std", any(target_os = "wasi", all(unix, not(target_family = "wasm")))))]
pub(crate) use wire::advise;

use crate::bindings::domain::Capabilities;
use crate::bindings::types::Protection;
use crate::{Error, Result, domain};

/// Whether there is a host to call.
pub(crate) const IS_GUEST: bool = cfg!(target_arch = "wasm32");

/// `unsupported` outside a wasm guest: there the generated bindings would panic.
pub(crate) fn require_host() -> Result<()> {
    if IS_GUEST { Ok(()) } else { Err(Error::Unsupported) }
}

/// A part of a window, as the wire wants it: `types.window`.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: *mut u8,
    len: usize,
}

impl Part {
    /// Length of the list that goes with the part. Its pointer is the part's start.
    ///
    /// An empty list tells the host which memory is meant, and lends none of its bytes. Only a host that knows the
    /// memory no other way needs the whole part, by the capability `whole-window`.
    fn list_len(self) -> usize {
        if domain::capabilities().contains(Capabilities::WHOLE_WINDOW) { self.len } else { 0 }
    }
}

/// Changes what may be done to `bytes`. It changes none of them: who uses a reference against it traps.
pub(crate) fn protect(bytes: *const [u8], protection: Protection) -> Result<()> {
    ranges::protect(Part { start: bytes.cast::<u8>().cast_mut(), len: bytes.len() }, protection)
}
