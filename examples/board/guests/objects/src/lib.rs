//! An object without a name: memory that the host keeps, and shows wherever the guest asks for it.

#![no_std]

use board_guest::say;
use memctl_guest::{MapOptions, Object, Result};

board_guest::command!(run);

fn run() -> Result<()> {
    let object = Object::anonymous(1000)?;
    let mut mapping = MapOptions::new().map_mut(&object)?;
    let zeroes = mapping.read()?.iter().filter(|byte| **byte == 0).count();
    say!("objects: ", object.len()?, " bytes, ", zeroes, " of them zero");
    mapping.write_range(988..)?.copy_from_slice(b"the last one");
    mapping.unmap()?;

    // Whatever is in its last granule behind it is no part of it.
    let mut mapping = MapOptions::new().map_mut(&object)?;
    say!("objects: mapped again, it ends with ", &mapping.read_range(988..)?[..]);
    say!("objects: beyond its end: ", mapping.write_range(988..1001).map(drop));
    say!("objects: mapped from behind its end: ", MapOptions::new().offset(4096).map(&object));

    say!("objects: made shorter under a window: ", object.resize(500));
    mapping.unmap()?;
    object.resize(500)?;
    say!("objects: and without one, it has ", object.len()?, " bytes");
    Ok(())
}
