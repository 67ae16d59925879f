//! `refresh` changes bytes, so nobody may look at them.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mut mapping = MapOptions::new().map(&Object::anonymous(1)?)?;
    let bytes = mapping.read()?;
    mapping.refresh()?;
    assert_eq!(bytes[0], 0);
    Ok(())
}
