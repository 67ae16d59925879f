//! Has the firmware store where this guest must not, with this guest's privilege: another place in each turn, each time while it holds a
//! lease. Only a board can show what becomes of it.

#![no_std]

use board_guest::say;
use memctl_guest::domain::{Capabilities, capabilities};
use memctl_guest::{MapOptions, Object, Result};

board_guest::command!(run);

mod generated {
    //! What `wit_bindgen` makes of the world `memctl:board/poker`.
    wit_bindgen::generate!({ world: "memctl:board/poker", path: "../kit/wit" });
}

/// What `poke` understands.
const TARGETS: [&str; 4] = ["the kernel", "its neighbour", "code", "a device"];

fn run() -> Result<()> {
    say!("poker: hardware keeps it apart: ", capabilities().contains(Capabilities::ISOLATED));
    // What it keeps in its own memory is gone when its partition is given up; an object isn't.
    let mut turns = MapOptions::new().map_mut(&Object::open("turns")?)?;
    let mut turn = turns.write()?;
    let target = turn[0] % 4;
    turn[0] += 1;
    turn.release()?;

    let name = TARGETS[usize::from(target)];
    say!("poker: holds a lease, and stores to ", name);
    let _lease = turns.write()?;
    generated::memctl::board::test::poke(target.into());
    say!("poker: nothing kept it from storing to ", name);
    Ok(())
}
