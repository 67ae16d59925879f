//! Bytes that are read-only can't be written.

use memctl_guest::{GuardedBuf, Result};

fn main() -> Result<()> {
    let key = GuardedBuf::new(32)?.read_only()?;
    key[0] = 1;
    Ok(())
}
