//! Allocates blocks of a shared heap, and hands them to `receiver` through a queue.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::Result;
use memctl_guest::heap::Heap;

board_guest::command!(run);

static HEAP: Kept<(Heap, u32)> = Kept::new();

fn run() -> Result<()> {
    let (heap, sent) = match HEAP.take() {
        Some(kept) => kept,
        None => (Heap::open("blocks")?.attach()?, 0),
    };
    for number in [sent, sent + 1] {
        let mut squares = heap.slice::<u32>(8)?;
        squares.iter_mut().zip(number..).for_each(|(square, root)| *square = root * root);
        heap.queue(0)?.send(squares)?;
    }
    let token = heap.boxed(7_u32)?.token();
    say!("sender: sent 2 blocks; a block that was freed is ", heap.take::<u32>(token).map(drop));
    HEAP.put((heap, sent + 2));
    Ok(())
}
