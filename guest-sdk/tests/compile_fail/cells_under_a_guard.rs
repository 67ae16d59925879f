//! Cells change without a lease, so no guard may be alive.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mut mapping = MapOptions::new().map_mut(&Object::anonymous(1)?)?;
    let bytes = mapping.read()?;
    let cells = mapping.cells().unwrap();
    cells[0].set(1);
    assert_eq!(bytes[0], 0);
    Ok(())
}
