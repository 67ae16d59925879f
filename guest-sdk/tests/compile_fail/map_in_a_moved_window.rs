//! A window shows one thing at a time.

use memctl_guest::{MapOptions, Object, Result, WindowBuf};

fn main() -> Result<()> {
    let object = Object::anonymous(1)?;
    let window = WindowBuf::new(1)?;
    let first = MapOptions::new().map_in(window, &object)?;
    let second = MapOptions::new().map_in(window, &object)?;
    first.unmap()?;
    second.unmap()
}
