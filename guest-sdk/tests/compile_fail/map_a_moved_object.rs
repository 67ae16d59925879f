//! A handle that was passed on is gone.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let object = Object::anonymous(1)?;
    let handle = object.into_resource();
    MapOptions::new().map(&object)?;
    drop(handle);
    Ok(())
}
