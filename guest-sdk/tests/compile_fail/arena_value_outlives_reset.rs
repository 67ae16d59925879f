//! What an arena holds is gone when it is reset.

use memctl_guest::{Arena, Result};

fn main() -> Result<()> {
    let mut arena = Arena::reserve(1 << 20)?;
    let value = arena.alloc(7)?;
    arena.reset()?;
    assert_eq!(*value, 7);
    Ok(())
}
