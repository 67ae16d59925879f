//! Bytes that nothing can touch can't be read.

use memctl_guest::{GuardedBuf, Result};

fn main() -> Result<()> {
    let key = GuardedBuf::new(32)?.no_access()?;
    assert_eq!(key[0], 0);
    Ok(())
}
