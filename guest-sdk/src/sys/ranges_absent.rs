//! The twin of `ranges.rs` where there is no host to call. Tests can have one that does as much as they can notice.

use super::Part;
use crate::bindings::types::Protection;
use crate::{Error, Result};

#[cfg(test)]
use in_tests::is_simulated;

#[cfg(not(test))]
fn is_simulated() -> bool {
    false
}

pub(super) fn can_protect() -> bool {
    is_simulated()
}

pub(super) fn protect(part: Part, _protection: Protection) -> Result<()> {
    let _ = (part.start, part.len);
    if is_simulated() { Ok(()) } else { Err(Error::Unsupported) }
}

/// # Safety
/// That of `ranges.rs`.
pub(super) unsafe fn discard(part: Part) -> Result<()> {
    if !is_simulated() {
        return Err(Error::Unsupported);
    }
    // SAFETY: the caller gives up the part's bytes.
    unsafe { part.start.write_bytes(0, part.len) }
    Ok(())
}

/// A host that protects nothing and stores zeroes, so that Miri sees what references and initialised bytes there are.
#[cfg(test)]
pub(crate) mod in_tests {
    use core::cell::Cell;

    std::thread_local! {
        static SIMULATED: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn is_simulated() -> bool {
        SIMULATED.get()
    }

    pub(crate) fn simulated<R>(test: impl FnOnce() -> R) -> R {
        SIMULATED.set(true);
        let result = test();
        SIMULATED.set(false);
        result
    }
}
