//! Stores a few bytes of a large automatic window in each turn: only these need to be published.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, MappingMut, Object, Result};

board_guest::command!(run);

static FRAME: Kept<(MappingMut, usize)> = Kept::new();

fn run() -> Result<()> {
    let (mut frame, turn) = match FRAME.take() {
        Some(kept) => kept,
        None => (MapOptions::new().automatic().map_mut(&Object::open("frame")?)?, 0),
    };
    let cells = frame.cells()?;
    // A line that lies across a multiple of 1024, so that no small granule holds it alone.
    let at = (turn % 7 + 1) * 1024 - 4;
    say!("tracked: stores 8 bytes of ", cells.len(), ", from byte ", at, " on");
    for cell in &cells[at..at + 8] {
        cell.set(cell.get() + 1);
    }
    FRAME.put((frame, turn + 1));
    Ok(())
}
