//! A lease belongs to the thread that acquired it.

use memctl_guest::{MapOptions, Object, Result};

fn main() -> Result<()> {
    let mapping = MapOptions::new().map(&Object::anonymous(1)?)?;
    let bytes = mapping.read()?;
    std::thread::scope(|scope| {
        scope.spawn(move || assert_eq!(bytes[0], 0));
    });
    Ok(())
}
