//! What is done to heaps, and what came of it.

use memctl_core::{Code, Protection};

use crate::Range;

/// What can be done to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the calls of the interface")]
pub enum Verb {
    Free,
    Share,
    Unshare,
    Give,
    Take,
    Resolve,
    Release,
}

/// A field of a token.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "they are the fields of the interface")]
pub enum Field {
    Heap,
    Offset,
    Len,
    Generation,
}

/// What a guest does. Blocks and waits are numbered in the order in which they were made.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "they are the calls of the interface")]
pub enum HeapStep {
    Attach {
        guest: usize,
        heap: usize,
        start: u64,
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
        block: usize,
    },
    /// The same, with one bit of the token wrong.
    Forge {
        guest: usize,
        verb: Verb,
        block: usize,
        field: Field,
        bit: u32,
    },
    Send {
        guest: usize,
        heap: usize,
        queue: u32,
        block: usize,
    },
    Receive {
        guest: usize,
        heap: usize,
        queue: u32,
    },
    Collect {
        guest: usize,
        wait: usize,
    },
    Stop {
        guest: usize,
        wait: usize,
    },
    Inherit {
        guest: usize,
        heap: usize,
    },
    /// Stores all over a block that it may write.
    Fill {
        guest: usize,
        part: Range,
        value: u8,
    },
    /// Stores where it has attached heaps and no block is, as far as pages let it.
    Scribble {
        guest: usize,
        parts: Vec<Range>,
        value: u8,
    },
    /// It ends, and another has its seat.
    End(usize),
}

impl HeapStep {
    /// Who does it.
    #[must_use]
    pub fn guest(&self) -> usize {
        match *self {
            Self::Attach { guest, .. }
            | Self::Detach { guest, .. }
            | Self::Alloc { guest, .. }
            | Self::Do { guest, .. }
            | Self::Forge { guest, .. }
            | Self::Send { guest, .. }
            | Self::Receive { guest, .. }
            | Self::Collect { guest, .. }
            | Self::Stop { guest, .. }
            | Self::Inherit { guest, .. }
            | Self::Fill { guest, .. }
            | Self::Scribble { guest, .. }
            | Self::End(guest) => guest,
        }
    }
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeapAnswer {
    /// It was done.
    Done,
    /// A new block, in this of the heaps.
    New {
        /// 0 or 1.
        heap: usize,
        /// Its first byte.
        offset: u64,
    },
    /// The block of this number.
    Block(usize),
    /// It waits, or still does.
    Waits,
    /// An error.
    Refused(Code),
}

impl From<Result<(), Code>> for HeapAnswer {
    fn from(result: Result<(), Code>) -> Self {
        result.map_or_else(Self::Refused, |()| Self::Done)
    }
}
