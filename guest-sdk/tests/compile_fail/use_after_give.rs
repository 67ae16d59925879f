//! What was given away is somebody else's.

use memctl_guest::Heap;

fn main() -> memctl_guest::Result<()> {
    let heap = Heap::open("frames")?.attach()?;
    let mut block = heap.boxed(7_u32)?;
    let token = block.give()?;
    *block = 8;
    let _ = token;
    Ok(())
}
