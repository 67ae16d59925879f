//! Nobody refers to bytes that become untouchable.

use memctl_guest::{GuardedBuf, Result};

fn main() -> Result<()> {
    let key = GuardedBuf::new(32)?;
    let bytes = &key[..];
    let key = key.no_access()?;
    assert_eq!(bytes[0], 0);
    drop(key);
    Ok(())
}
