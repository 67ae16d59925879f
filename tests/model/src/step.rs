//! What is done, with everything that it names, and what came of it.

use memctl_core::{Access, Code};

use crate::{GUESTS, MapAt};

/// What a program calls a handle, a mapping or a lease: none is used twice.
pub type Name = u32;

/// Start and length in bytes.
pub type Range = (u64, u64);

/// The bytes that each guest may look at without a race.
pub type Looks = [Vec<Range>; GUESTS];

/// What a guest does. Where something is made, the last field is its name.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "they are the calls of the interface")]
pub enum Act {
    Anonymous {
        size: u64,
        handle: Name,
    },
    Open {
        object: &'static str,
        handle: Name,
    },
    OpenFile {
        writable: bool,
        handle: Name,
    },
    Len(Name),
    Rights(Name),
    Resize(Name, u64),
    DropHandle(Name),
    Map {
        handle: Name,
        ask: MapAt,
        mapping: Name,
    },
    Publish(Name, Range),
    Refresh(Name, Range),
    Sync(Name, Range),
    /// Waits for so many nanoseconds, if it waits. Nobody else runs meanwhile, so that all waiting is in vain.
    Acquire {
        mapping: Name,
        part: Range,
        access: Access,
        wait: Option<u64>,
        lease: Name,
    },
    Upgrade {
        lease: Name,
        part: Range,
        wait: u64,
    },
    Downgrade(Name, Range),
    Unmap(Name),
    DropMapping(Name),
    Release(Name, Range),
    DropLease(Name),
    /// Stores `value`, `value + 1` and so on.
    Store {
        to: Range,
        value: u8,
    },
    /// Stores `value` everywhere, with one instruction.
    Fill {
        to: Range,
        value: u8,
    },
    /// With one instruction.
    Copy {
        to: u64,
        from: Range,
    },
    Grow,
    /// Writes the file past the domain, from this guest's memory.
    WriteFile {
        offset: u64,
        from: Range,
    },
    /// Reads the file past the domain: what is read is stored before control comes back, if that can be.
    ReadFile {
        offset: u64,
        to: Range,
    },
    /// Stores, calls the host, which does something else meanwhile, and goes on.
    Cross {
        to: Range,
        value: u8,
        meanwhile: Option<Box<Step>>,
    },
    /// Stores, and traps.
    Trap {
        to: Range,
        value: u8,
    },
    Rest,
}

/// How a guest ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The domain is told. It goes on as a guest of none.
    Told,
    /// Its store is dropped, and a new one takes its seat.
    Dropped,
}

/// One thing that is done.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Step {
    /// A guest does something, and looks at its memory before control leaves it again.
    Guest(usize, Act),
    /// The host reads all of a published object.
    Read(&'static str),
    /// The host writes a published object.
    Write { object: &'static str, offset: u64, bytes: Vec<u8> },
    /// A guest ends.
    End(usize, How),
    /// A guest's memory goes, and it gets a new one.
    RenewMemory(usize),
}

/// What a call gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A number, if there was one to give; of bytes, their checksum.
    Gave(u64),
    /// An error code.
    Refused(Code),
    /// The guest is lost.
    Trapped,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was answered.
    pub answer: Answer,
    /// The checksum of what the guest could look at afterwards; 0 if nobody looked.
    pub seen: u64,
    /// What came of what was done meanwhile.
    pub meanwhile: Option<Box<Outcome>>,
}

impl Outcome {
    /// Of a step that nobody looks after.
    #[must_use]
    pub fn unseen(answer: Answer) -> Self {
        Self { answer, seen: 0, meanwhile: None }
    }
}

impl From<Result<u64, Code>> for Answer {
    fn from(result: Result<u64, Code>) -> Self {
        match result {
            Ok(number) => Self::Gave(number),
            Err(code) => Self::Refused(code),
        }
    }
}
