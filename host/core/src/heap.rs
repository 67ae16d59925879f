//! Shared heaps: what guests and embedders say about them, and the rows of a domain's tables.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::sorted::Map;
use crate::space::{Node, Space};
use crate::table::id;
use crate::{InstanceId, MappingId, ObjectId, Quotas};

id!(
    /// A shared heap, or a chain of them.
    HeapId
);
id!(
    /// A block of a heap.
    BlockId
);
id!(
    /// A call that waits for a block.
    ReceiverId
);

bitflags::bitflags! {
    /// What an instance may do with a heap.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct HeapRights: u8 {
        /// Attach it, and read blocks.
        const READ = 1;
        /// Own blocks, and write them.
        const WRITE = 2;
        /// Allocate blocks. Needs `WRITE`.
        const ALLOCATE = 4;
    }
}

/// The name of a block, as guests send it to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// The heap, as [`HeapId::to_bits`].
    pub heap: u64,
    /// Its first byte, from the heap's first on.
    pub offset: u64,
    /// Its length in bytes, as asked for.
    pub len: u64,
    /// Which of all blocks that were ever there.
    pub generation: u64,
}

/// What becomes of an instance's blocks when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Orphans {
    /// They are freed.
    #[default]
    Free,
    /// The instance of this name owns them from then on, if there is one; else they are freed.
    Heir(String),
}

/// How a heap is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapOptions {
    /// What instances may do that nothing else was said of.
    pub rights: HeapRights,
    /// Length in bytes that it grows to when it has no room; no more than it has, unless said otherwise.
    pub max_len: u64,
    /// What becomes of the blocks of instances that end.
    pub orphans: Orphans,
    /// How many queues it has.
    pub queues: u32,
}

impl Default for HeapOptions {
    /// All rights, no growth, blocks of the dead are freed, 8 queues.
    fn default() -> Self {
        Self { rights: HeapRights::all(), max_len: 0, orphans: Orphans::Free, queues: 8 }
    }
}

/// What is known of a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapStatus {
    /// What the instance that asks may do.
    pub rights: HeapRights,
    /// Length in bytes, now.
    pub len: u64,
    /// Length in bytes that it can grow to.
    pub max_len: u64,
    /// Bytes that are in no block.
    pub free: u64,
    /// The largest range that is in no block, in bytes.
    pub largest_free: u64,
    /// Live blocks.
    pub blocks: u32,
    /// How many queues it has.
    pub queues: u32,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Heap {
    pub(crate) name: String,
    pub(crate) rights: HeapRights,
    pub(crate) orphans: Orphans,
    pub(crate) queues: Vec<Queue>,
    pub(crate) made_of: MadeOf,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum MadeOf {
    Object(Managed),
    /// A chain: heaps, and where each begins in it.
    Heaps(Vec<(HeapId, u64)>),
}

/// A heap that blocks are allocated in.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Managed {
    pub(crate) object: ObjectId,
    pub(crate) space: Space,
    pub(crate) max_len: u64,
    /// No block has ever had a byte from here on: they are zero.
    pub(crate) fresh: u64,
    pub(crate) blocks: u32,
    /// Who has attached it, and the mapping that shows it.
    pub(crate) attached: Map<InstanceId, MappingId>,
}

/// Blocks that were sent, and calls that wait for one; one of the two is empty.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Queue {
    pub(crate) sent: VecDeque<BlockId>,
    pub(crate) receivers: VecDeque<ReceiverId>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Block {
    pub(crate) heap: HeapId,
    pub(crate) offset: u64,
    /// As asked for.
    pub(crate) len: u64,
    /// As taken from the heap.
    pub(crate) room: u64,
    pub(crate) node: Node,
    pub(crate) holder: Holder,
    /// Whose quota it counts against, beside the domain's.
    pub(crate) payer: Option<InstanceId>,
    /// The owner lets others read it, and doesn't write it.
    pub(crate) shared: bool,
    /// How many others read it.
    pub(crate) readers: u32,
    /// Its owner was handed it by one that ended, and was not told of it yet: until then it can do nothing with it.
    pub(crate) untold: bool,
}

impl Block {
    /// What it counts for against its owner's quota.
    pub(crate) fn quota(&self) -> Quotas {
        Quotas { blocks: 1, block_bytes: self.room, ..Quotas::NONE }
    }
}

/// Whose a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Holder {
    Owner {
        instance: InstanceId,
        /// Which of the instance's blocks it is, in the list of them.
        place: u32,
    },
    /// It was given away, and can be taken.
    Given,
    /// It is in a queue, or on its way to who received it.
    Sent,
    /// Its owner ended, and it is freed when nobody reads it any more.
    Abandoned,
}

/// A call that waits for a block.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Receiver {
    pub(crate) instance: InstanceId,
    pub(crate) heap: HeapId,
    pub(crate) queue: u32,
    /// What it waited for, once it is there.
    pub(crate) got: Option<BlockId>,
}
