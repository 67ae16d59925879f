//! Random programs over heaps.

use memctl_core::Protection;
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::prop_oneof;

use super::{Field, Verb};
use crate::campaign::campaign_of;
use crate::{Campaign, Disagreement, GUESTS, Pick};

/// What is asked, before it names blocks and waits that there are.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "see `HeapStep`")]
pub enum HeapOp {
    Attach {
        guest: usize,
        heap: usize,
        granule: u64,
        protection: Protection,
    },
    Detach {
        guest: usize,
        heap: usize,
    },
    Alloc {
        guest: usize,
        heap: usize,
        len: u64,
        align: u64,
    },
    Do {
        guest: usize,
        verb: Verb,
        block: Pick,
    },
    /// Whoever can do it does.
    Owner {
        verb: Verb,
        block: Pick,
    },
    Forge {
        guest: usize,
        verb: Verb,
        block: Pick,
        field: Field,
        bit: u32,
    },
    Send {
        heap: usize,
        queue: u32,
        block: Pick,
    },
    Receive {
        guest: usize,
        heap: usize,
        queue: u32,
    },
    Collect {
        guest: usize,
        wait: Pick,
    },
    Stop {
        guest: usize,
        wait: Pick,
    },
    Inherit {
        guest: usize,
        heap: usize,
    },
    Fill {
        block: Pick,
        value: u8,
    },
    Scribble {
        guest: usize,
        value: u8,
    },
    End(usize),
}

fn verb() -> impl Strategy<Value = Verb> {
    use Verb::{Free, Give, Release, Resolve, Share, Take, Unshare};
    proptest::sample::select(vec![Free, Share, Unshare, Give, Take, Resolve, Release])
}

fn ops() -> impl Strategy<Value = HeapOp> {
    let guest = || 0..GUESTS;
    let heap = || 0..3_usize;
    let queue = || prop_oneof![9 => 0..super::QUEUES, 1 => 0..u32::MAX];
    let pick = any::<Pick>;
    let len = || prop_oneof![8 => 1..80_u64, 4 => 80..300_u64, 1 => 0..1_u64, 1 => any::<u64>()];
    let align = || prop_oneof![9 => (0..8_u32).prop_map(|bits| 1 << bits), 1 => any::<u64>()];
    let protection = || prop_oneof![3 => proptest::strategy::Just(Protection::ReadWrite), 1 => proptest::strategy::Just(Protection::Read)];
    let field = || proptest::sample::select(vec![Field::Heap, Field::Offset, Field::Len, Field::Generation]);
    prop_oneof![
        6 => (guest(), heap(), 0..9_u64, protection())
            .prop_map(|(guest, heap, granule, protection)| HeapOp::Attach { guest, heap, granule, protection }),
        2 => (guest(), heap()).prop_map(|(guest, heap)| HeapOp::Detach { guest, heap }),
        9 => (guest(), heap(), len(), align()).prop_map(|(guest, heap, len, align)| HeapOp::Alloc { guest, heap, len, align }),
        6 => (guest(), verb(), pick()).prop_map(|(guest, verb, block)| HeapOp::Do { guest, verb, block }),
        14 => (verb(), pick()).prop_map(|(verb, block)| HeapOp::Owner { verb, block }),
        1 => (guest(), verb(), pick(), field(), 0..64_u32)
            .prop_map(|(guest, verb, block, field, bit)| HeapOp::Forge { guest, verb, block, field, bit }),
        5 => (heap(), queue(), pick()).prop_map(|(heap, queue, block)| HeapOp::Send { heap, queue, block }),
        4 => (guest(), heap(), queue()).prop_map(|(guest, heap, queue)| HeapOp::Receive { guest, heap, queue }),
        3 => (guest(), pick()).prop_map(|(guest, wait)| HeapOp::Collect { guest, wait }),
        1 => (guest(), pick()).prop_map(|(guest, wait)| HeapOp::Stop { guest, wait }),
        2 => (guest(), heap()).prop_map(|(guest, heap)| HeapOp::Inherit { guest, heap }),
        9 => (pick(), any::<u8>()).prop_map(|(block, value)| HeapOp::Fill { block, value }),
        2 => (guest(), any::<u8>()).prop_map(|(guest, value)| HeapOp::Scribble { guest, value }),
        1 => guest().prop_map(HeapOp::End),
    ]
}

/// [`crate::campaign`](fn@crate::campaign), of programs over heaps.
///
/// # Panics
/// If one fails.
pub fn heap_campaign(name: &str, campaign: Campaign, run: impl Fn(&[HeapOp]) -> Result<u64, Disagreement>) {
    campaign_of(name, campaign, &vec(ops(), 1..campaign.length), run);
}
