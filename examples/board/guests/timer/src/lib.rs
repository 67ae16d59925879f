//! A device's register, seen as an object: each lease reads it anew.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, Mapping, Object, Result};

board_guest::command!(run);

static TIMER: Kept<(Mapping, [u8; 8])> = Kept::new();

fn run() -> Result<()> {
    let (timer, before) = match TIMER.take() {
        Some(kept) => kept,
        None => (MapOptions::new().map(&Object::open("timer")?)?, [0; 8]),
    };
    let mut now = [0; 8];
    now.copy_from_slice(&timer.read()?[..8]);
    say!("timer: it went on since the last turn: ", now != before);
    TIMER.put((timer, now));
    Ok(())
}
