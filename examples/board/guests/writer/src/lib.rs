//! Writes into two objects in each turn, which `reader` reads in its own: one without guards, and one under them.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, MappingMut, Object, Result};

board_guest::command!(run);

/// An automatic and a leased mapping, for as long as this guest lives.
static MAPPINGS: Kept<(MappingMut, MappingMut)> = Kept::new();

fn run() -> Result<()> {
    let (mut mailbox, mut ledger) = match MAPPINGS.take() {
        Some(mappings) => mappings,
        None => (
            MapOptions::new().automatic().map_mut(&Object::open("mailbox")?)?,
            MapOptions::new().map_mut(&Object::open("ledger")?)?,
        ),
    };

    let letter = mailbox.cells()?;
    let number = letter[7].get().max(b'0') + 1;
    letter.iter().zip(b"letter ").for_each(|(cell, byte)| cell.set(*byte));
    letter[7].set(number);

    let mut page = ledger.write()?;
    let entries = usize::from(page[0]);
    page[0] += 1;
    page[1 + entries] = number;
    page.release()?;
    say!("writer: wrote letter ", &[number][..], " and entry ", entries + 1);

    MAPPINGS.put((mailbox, ledger));
    Ok(())
}
