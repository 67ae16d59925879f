//! A device's FIFO, seen as an object: the host writes into it between turns, under a lease, and this guest reads it under one.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, Mapping, Object, Result};

board_guest::command!(run);

static FIFO: Kept<Mapping> = Kept::new();

fn run() -> Result<()> {
    let fifo = match FIFO.take() {
        Some(fifo) => fifo,
        None => MapOptions::new().map(&Object::open("fifo")?)?,
    };
    say!("fifo: ", &fifo.read()?[..]);
    FIFO.put(fifo);
    Ok(())
}
