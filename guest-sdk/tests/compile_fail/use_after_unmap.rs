//! After `unmap` the window is ordinary memory again.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mapping = MapOptions::new().map(&Object::anonymous(1)?)?;
    mapping.unmap()?;
    mapping.read()?;
    Ok(())
}
