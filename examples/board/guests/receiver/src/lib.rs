//! Receives blocks of a shared heap that `sender` sent, and frees them.

#![no_std]

use board_guest::{Kept, say};
use memctl_guest::Result;
use memctl_guest::heap::Heap;

board_guest::command!(run);

static HEAP: Kept<Heap> = Kept::new();

fn run() -> Result<()> {
    let heap = match HEAP.take() {
        Some(heap) => heap,
        None => Heap::open("blocks")?.attach()?,
    };
    while let Some(squares) = heap.queue::<[u32]>(0)?.try_receive()? {
        let sum: u32 = squares.iter().sum();
        say!("receiver: ", squares.len(), " squares, their sum is ", u64::from(sum));
    }
    HEAP.put(heap);
    Ok(())
}
