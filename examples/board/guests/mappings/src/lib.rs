//! The two kinds of shared mappings: an automatic one is in step with its object at every call to the host, a leased one where a guard is taken or given back.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::{MapOptions, MappingMut, Object, Result};

board_guest::command!(run);

/// Both, for as long as this guest lives.
static MAPPINGS: Kept<(MappingMut, MappingMut)> = Kept::new();

fn run() -> Result<()> {
    let (counter, page) = (Object::open("counter")?, Object::open("page")?);
    let (mut automatic, mut leased) = match MAPPINGS.take() {
        Some(mappings) => mappings,
        None => (MapOptions::new().automatic().map_mut(&counter)?, MapOptions::new().leased().map_mut(&page)?),
    };

    let count = &automatic.cells()?[0];
    count.set(count.get() + 1);
    say!(
        "mappings: automatic: it counted to ",
        usize::from(count.get()),
        ", and the object has ",
        usize::from(first(&counter)?)
    );

    let digit = b'0' + first(&counter)?;
    let mut guard = leased.write_range(..16)?;
    guard[0] = digit;
    say!("mappings: leased: while it is written, others are ", first(&page).map(drop));
    guard.release()?;
    say!("mappings: leased: then the object begins with ", &[first(&page)?][..]);

    MAPPINGS.put((automatic, leased));
    Ok(())
}

/// The first byte of an object, as a window sees it that shows it only now.
fn first(object: &Object) -> Result<u8> {
    Ok(MapOptions::new().private().len(1).map(object)?.read()?[0])
}
