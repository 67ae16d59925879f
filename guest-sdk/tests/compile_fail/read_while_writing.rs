//! Nothing is read through a mapping while its write guard lives.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mut mapping = MapOptions::new().map_mut(&Object::anonymous(1)?)?;
    let mut written = mapping.write()?;
    let read = mapping.read()?;
    written[0] = read[0];
    Ok(())
}
