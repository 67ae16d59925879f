//! Bytes don't outlive the lease under which they were lent.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mapping = MapOptions::new().map(&Object::anonymous(1)?)?;
    let guard = mapping.read()?;
    let bytes: &[u8] = &guard;
    guard.release()?;
    assert_eq!(bytes[0], 0);
    Ok(())
}
