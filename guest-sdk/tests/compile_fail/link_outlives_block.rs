//! A link is followed through a block that must stay as long as what it led to.

use memctl_guest::heap::{Heap, RelPtr};

fn main() -> memctl_guest::Result<()> {
    let heap = Heap::open("frames")?.attach()?;
    let block = heap.slice::<u32>(4)?;
    let link = block.link(1).unwrap_or(RelPtr::NONE);
    let number = link.get(&block)?;
    let token = block.give()?;
    println!("{number:?} {token:?}");
    Ok(())
}
