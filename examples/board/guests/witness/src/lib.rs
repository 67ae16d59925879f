//! Stands beside `nullstore` and `poker`, whatever becomes of those: it takes the lease that they had.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, MappingMut, Object, Result};

board_guest::command!(run);

static TURNS: Kept<(MappingMut, u64)> = Kept::new();

fn run() -> Result<()> {
    let (mut turns, own) = match TURNS.take() {
        Some(kept) => kept,
        None => (MapOptions::new().map_mut(&Object::open("turns")?)?, 0),
    };
    let guard = turns.write()?;
    say!(
        "witness: turn ",
        own + 1,
        " of its own, and the lease is free in turn ",
        usize::from(guard[0]),
        " of the other"
    );
    guard.release()?;
    TURNS.put((turns, own + 1));
    Ok(())
}
