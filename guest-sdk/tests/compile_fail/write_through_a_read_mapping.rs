//! `map` gives a view for reading only.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mut mapping = MapOptions::new().map(&Object::anonymous(1)?)?;
    mapping.write()?.fill(1);
    Ok(())
}
