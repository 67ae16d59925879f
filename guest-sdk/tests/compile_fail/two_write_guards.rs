//! One write guard of a mapping at a time.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mut mapping = MapOptions::new().map_mut(&Object::anonymous(2)?)?;
    let mut first = mapping.write_range(..1)?;
    let mut second = mapping.write_range(..1)?;
    first[0] = second[0];
    second[0] = first[0];
    Ok(())
}
