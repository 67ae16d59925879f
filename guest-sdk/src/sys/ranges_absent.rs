//! The twin of `ranges.rs` where there is no host to call.

use super::Part;
use crate::bindings::types::Protection;
use crate::{Error, Result};

pub(super) fn protect(part: Part, _protection: Protection) -> Result<()> {
    let _ = (part.start, part.len);
    Err(Error::Unsupported)
}

pub(super) unsafe fn discard(_part: Part) -> Result<()> {
    Err(Error::Unsupported)
}
