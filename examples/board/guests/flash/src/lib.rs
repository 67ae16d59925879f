//! An object that can only be read, in flash on a board, shown in a window that is a memory of its own: where the host can do that, without a copy.

#![no_std]

use board_guest::say;
use memctl_guest::domain::Capabilities;
use memctl_guest::{MapOptions, Object, Result, View, Window};

board_guest::command!(run);

fn run() -> Result<()> {
    let text = Object::open("flash")?;
    let window = Window::<1>::take()?;
    // Shared, it can't be stored to, and has to be protected for that.
    let protects = window.capabilities()?.contains(Capabilities::PROTECTION);
    let options = if protects { MapOptions::new().shared() } else { MapOptions::new() };
    let bound = window.bind(&text, options)?;
    let bytes = bound.read()?;
    let mut line = [0; 63];
    bytes.read_at(0, &mut line)?;
    say!("flash: ", &line[..]);

    let mut sum = 0;
    for at in 0..text.len()? {
        sum += u64::from(bytes.load::<u8>(at)?);
    }
    say!("flash: the sum of its ", text.len()?, " bytes is ", sum);
    say!("flash: mapped to be written: ", MapOptions::new().shared().map_mut(&text).map(drop));
    Ok(())
}
