//! What an arena holds goes with it.

use memctl_guest::{Arena, Result};

fn text() -> Result<&'static str> {
    let arena = Arena::reserve(1 << 20)?;
    arena.alloc_str("short-lived")
}

fn main() {
    text().unwrap();
}
