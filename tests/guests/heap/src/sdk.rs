//! Programs with the SDK.

use std::cell::RefCell;
use std::time::Duration;

use memctl_guest::bindings::heap::{HeapStatus, Token};
use memctl_guest::bindings::types::ErrorCode;
use memctl_guest::heap::{Block, Heap, HeapReader, RingQueues};
use memctl_guest::{Error, Result, WindowBuf};

use crate::bindings::exports::memctl::heap_guest::sdk::Guest;
use crate::sys::memory;
use crate::{HeapGuest, nodes};

/// The heap of the calls.
enum Attached {
    Writer(Heap),
    Reader(HeapReader),
}

thread_local! {
    static ATTACHED: RefCell<Option<Attached>> = const { RefCell::new(None) };
}

/// The queues of the ring.
const RING: RingQueues = RingQueues { filled: 0, empty: 1 };
/// How long the ends of the ring wait for each other.
const PATIENCE: Duration = Duration::from_secs(60);

fn reader<R>(then: impl FnOnce(&HeapReader) -> Result<R>) -> Result<R, ErrorCode> {
    ATTACHED.with_borrow(|attached| match attached {
        Some(Attached::Writer(heap)) => Ok(then(heap)?),
        Some(Attached::Reader(heap)) => Ok(then(heap)?),
        None => Err(ErrorCode::Stale),
    })
}

fn writer<R>(then: impl FnOnce(&Heap) -> Result<R>) -> Result<R, ErrorCode> {
    ATTACHED.with_borrow(|attached| match attached {
        Some(Attached::Writer(heap)) => Ok(then(heap)?),
        Some(Attached::Reader(_)) => Err(ErrorCode::Access),
        None => Err(ErrorCode::Stale),
    })
}

impl Guest for HeapGuest {
    fn attach(name: String) -> Result<(), ErrorCode> {
        ATTACHED.set(None);
        ATTACHED.set(Some(Attached::Writer(Heap::open(&name)?.attach()?)));
        Ok(())
    }

    fn attach_read_only(name: String) -> Result<(), ErrorCode> {
        ATTACHED.set(None);
        ATTACHED.set(Some(Attached::Reader(Heap::open(&name)?.attach_read_only()?)));
        Ok(())
    }

    fn detach() -> Result<bool, ErrorCode> {
        let window: WindowBuf = match ATTACHED.take().ok_or(ErrorCode::Stale)? {
            Attached::Writer(heap) => heap.detach_into_window()?,
            Attached::Reader(heap) => heap.detach_into_window()?,
        };
        Ok(memory::is_zero(&window))
    }

    fn status() -> Result<HeapStatus, ErrorCode> {
        reader(HeapReader::status)
    }

    fn give_numbers(numbers: Vec<u32>) -> Result<Token, ErrorCode> {
        writer(|heap| {
            let mut block = heap.slice::<u32>(numbers.len())?;
            block.copy_from_slice(&numbers);
            Ok(block.give()?.into())
        })
    }

    fn take_numbers(block: Token) -> Result<Vec<u32>, ErrorCode> {
        writer(|heap| Ok(heap.take::<[u32]>(block.into())?.to_vec()))
    }

    fn take_number(block: Token) -> Result<u64, ErrorCode> {
        writer(|heap| Ok(*heap.take::<u64>(block.into())?))
    }

    fn drop_block(len: u32) -> Result<(), ErrorCode> {
        writer(|heap| heap.block(len as usize, 1).map(drop))
    }

    fn share_list(values: Vec<u64>) -> Result<Token, ErrorCode> {
        writer(|heap| nodes::share_list(heap, &values)).map(Token::from)
    }

    fn walk_list(block: Token) -> Result<Vec<u64>, ErrorCode> {
        reader(|heap| nodes::walk_list(heap, block.into()))
    }

    fn share_blocks(values: Vec<u64>) -> Result<Token, ErrorCode> {
        writer(|heap| nodes::share_blocks(heap, &values)).map(Token::from)
    }

    fn walk_blocks(first: Token) -> Result<Vec<u64>, ErrorCode> {
        reader(|heap| nodes::walk_blocks(heap, first.into()))
    }

    fn give_tree(values: Vec<u64>) -> Result<(Token, Token), ErrorCode> {
        let (nodes, leaves) = writer(|heap| nodes::give_tree(heap, &values))?;
        Ok((nodes.into(), leaves.into()))
    }

    fn sum_tree(nodes: Token, leaves: Token) -> Result<u64, ErrorCode> {
        writer(|heap| nodes::sum_tree(heap, nodes.into(), leaves.into()))
    }

    fn send(queue: u32, value: u64) -> Result<(), ErrorCode> {
        writer(|heap| Ok(heap.queue::<u64>(queue)?.send(heap.boxed(value)?)?))
    }

    fn receive(queue: u32, timeout: u64) -> Result<u64, ErrorCode> {
        writer(|heap| Ok(*heap.queue::<u64>(queue)?.receive_within(Duration::from_nanos(timeout))?))
    }

    fn try_receive(queue: u32) -> Result<Option<u64>, ErrorCode> {
        writer(|heap| Ok(heap.queue::<u64>(queue)?.try_receive()?.map(|block| *block)))
    }

    fn produce(count: u32, slots: u32, len: u32) -> Result<u64, ErrorCode> {
        writer(|heap| {
            let ring = heap.ring::<u64>(RING, slots, len as usize)?;
            let mut sum = 0;
            for number in 0..u64::from(count) {
                // A slot that isn't committed comes round again.
                drop(ring.slot_within(PATIENCE)?);
                let mut slot = ring.slot_within(PATIENCE)?;
                slot.fill(number);
                sum += slot.iter().sum::<u64>();
                slot.commit()?;
            }
            Ok(sum)
        })
    }

    fn consume(count: u32) -> Result<u64, ErrorCode> {
        writer(|heap| {
            let ring = heap.ring_consumer::<u64>(RING)?;
            let mut sum = 0;
            for number in 0..u64::from(count) {
                let slot = ring.next_within(PATIENCE)?;
                if slot[0] != number {
                    return Err(Error::Io);
                }
                sum += slot.iter().sum::<u64>();
            }
            Ok(sum)
        })
    }

    fn inherit() -> Result<Option<Vec<u8>>, ErrorCode> {
        writer(|heap| {
            let Some(block) = heap.inherit()? else { return Ok(None) };
            let mut block: Block<'_> = block.unshare()?;
            let bytes = block.to_vec();
            block.fill(0xee);
            Ok(Some(bytes))
        })
    }
}
