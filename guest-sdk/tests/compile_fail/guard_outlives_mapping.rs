//! A guard doesn't leave the function that owns the mapping.

use memctl_guest::{MapOptions, Object, ReadGuard, Result};

fn first<'a>(object: &Object) -> Result<ReadGuard<'a>> {
    let mapping = MapOptions::new().map(object)?;
    mapping.read()
}

fn main() -> Result<()> {
    first(&Object::anonymous(1)?)?;
    Ok(())
}
