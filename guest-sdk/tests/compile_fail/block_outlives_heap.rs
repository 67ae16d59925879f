//! Blocks are in the window, and go before it does.

use memctl_guest::Heap;

fn main() -> memctl_guest::Result<()> {
    let heap = Heap::open("frames")?.attach()?;
    let block = heap.boxed(7_u32)?;
    drop(heap);
    println!("{}", *block);
    Ok(())
}
