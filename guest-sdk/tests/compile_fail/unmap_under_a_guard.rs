//! A guard keeps its mapping from being unmapped.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mapping = MapOptions::new().map(&Object::anonymous(1)?)?;
    let bytes = mapping.read()?;
    mapping.unmap()?;
    assert_eq!(bytes[0], 0);
    Ok(())
}
