//! A window that is a memory of its own: no pointer of this program reaches what it shows.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::extra::{BoundMut, Number, count};
use memctl_guest::{MapOptions, Object, Result, View, ViewMut, Window};

board_guest::command!(run);

static BOUND: Kept<BoundMut<Number<1>>> = Kept::new();

fn run() -> Result<()> {
    let mut bound = match BOUND.take() {
        Some(bound) => bound,
        None => {
            let window = Window::<1>::take()?;
            say!("window: one of ", u64::from(count()), ", with room for ", window.len()?, " bytes");
            window.bind_mut(&Object::open("page")?, MapOptions::new())?
        }
    };
    let len = bound.len();
    let mut page = bound.write()?;
    let last = page.load::<u32>(len - 4)?;
    page.store(len - 4, last + 1)?;
    say!("window: the last word was ", u64::from(last), "; a store behind it: ", page.store(len - 3, 0_u32));
    page.release()?;

    // What others see of it.
    let copy = MapOptions::new().private().map(&Object::open("page")?)?;
    say!("window: in the object it is ", usize::from(copy.read()?[copy.len() - 4]));
    BOUND.put(bound);
    Ok(())
}
