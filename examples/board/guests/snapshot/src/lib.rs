//! A private mapping: a snapshot of an object. What is stored later, on either side, is not seen on the other.

#![no_std]

use board_guest::say;
use memctl_guest::{MapOptions, Object, Result};

board_guest::command!(run);

fn run() -> Result<()> {
    let page = Object::open("page")?;
    let mut shared = MapOptions::new().map_mut(&page)?;
    shared.write_range(..6)?.copy_from_slice(b"before");

    let mut snapshot = MapOptions::new().private().map_mut(&page)?;
    shared.write_range(..6)?.copy_from_slice(b"after ");
    say!(
        "snapshot: the object has ",
        &shared.read_range(..6)?[..],
        ", the snapshot has ",
        &snapshot.read_range(..6)?[..]
    );

    snapshot.write_range(..6)?.copy_from_slice(b"myself");
    say!("snapshot: it became ", &snapshot.read_range(..6)?[..], ", the object has ", &shared.read_range(..6)?[..]);
    Ok(())
}
