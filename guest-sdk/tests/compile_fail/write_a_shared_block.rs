//! Others read a shared block.

use memctl_guest::Heap;

fn main() -> memctl_guest::Result<()> {
    let heap = Heap::open("frames")?.attach()?;
    let block = heap.boxed(7_u32)?.share()?;
    *block = 8;
    Ok(())
}
