//! Reads in each turn what `writer` wrote in its own.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, Mapping, MappingMut, Object, Result};

board_guest::command!(run);

/// An automatic and a leased mapping, for as long as this guest lives.
static MAPPINGS: Kept<(MappingMut, Mapping)> = Kept::new();

fn run() -> Result<()> {
    let (mut mailbox, ledger) = match MAPPINGS.take() {
        Some(mappings) => mappings,
        None => (
            MapOptions::new().automatic().map_mut(&Object::open("mailbox")?)?,
            MapOptions::new().map(&Object::open("ledger")?)?,
        ),
    };

    let mut letter = [0; 8];
    letter.iter_mut().zip(mailbox.cells()?).for_each(|(byte, cell)| *byte = cell.get());
    let page = ledger.read()?;
    let entries = &page[1..=usize::from(page[0])];
    say!("reader: in the mailbox: ", &letter[..], "; in the ledger: ", entries);
    page.release()?;

    MAPPINGS.put((mailbox, ledger));
    Ok(())
}
