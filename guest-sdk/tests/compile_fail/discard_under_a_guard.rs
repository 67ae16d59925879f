//! Bytes that are discarded change, so no guard may be alive.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mut mapping = MapOptions::new().map_mut(&Object::anonymous(1)?)?;
    let bytes = mapping.read()?;
    mapping.discard(..)?;
    assert_eq!(bytes[0], 0);
    Ok(())
}
