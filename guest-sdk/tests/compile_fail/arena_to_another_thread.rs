//! An arena hands out its bytes one after the other: one thread at a time.

use memctl_guest::{Arena, Result};

fn main() -> Result<()> {
    let arena = Arena::reserve(1 << 20)?;
    std::thread::scope(|scope| {
        scope.spawn(|| arena.alloc(1));
    });
    Ok(())
}
