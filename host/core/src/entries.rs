//! The rows of a domain's tables.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use crate::heap::{BlockId, HeapId, HeapRights, ReceiverId};
use crate::protected::Protected;
use crate::quota::Account;
use crate::sorted::{Map, Set};
use crate::table::id;
use crate::{Access, Coherence, Error, MemoryId, PastEnd, Quotas, Rights, Sharing, Span, View};

id!(
    /// A guest: everything that lives in one store.
    InstanceId
);
id!(
    /// Bytes that live outside any guest.
    ObjectId
);
id!(
    /// An instance's right to an object.
    HandleId
);
id!(
    /// A live pairing of a window with a range of an object.
    MappingId
);
id!(
    /// A right to read or write a range of an object, for a time.
    LeaseId
);
id!(
    /// A lease that was asked for and is not free yet.
    WaiterId
);

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Instance {
    pub(crate) account: Account,
    pub(crate) handles: Set<HandleId>,
    /// Live mappings by where their windows start.
    pub(crate) windows: Map<(MemoryId, u64), MappingId>,
    pub(crate) leases: Set<LeaseId>,
    pub(crate) waiters: Set<WaiterId>,
    /// How many of its mappings are shared.
    pub(crate) shared: u32,
    /// Mappings that are synced at every crossing.
    pub(crate) automatic: Vec<MappingId>,
    /// How many of them can be looked at or written without the domain hearing of it: files.
    pub(crate) unwatched: u32,
    /// What is protected, by memory. No entry is empty.
    pub(crate) protected: Map<MemoryId, Protected>,
    /// What it is called where heaps name their heirs.
    pub(crate) name: Option<String>,
    /// What it may do with heaps, by their names, in place of what all may.
    pub(crate) heap_rights: Map<String, HeapRights>,
    /// Blocks that are its own. Each knows its place here.
    pub(crate) owned: Vec<BlockId>,
    /// Blocks of others that it reads.
    pub(crate) reading: Set<BlockId>,
    /// Those of its blocks that were others', and that it was not told of yet.
    pub(crate) inherited: VecDeque<BlockId>,
    pub(crate) receivers: Set<ReceiverId>,
}

/// What the object's bytes are, as far as coherence cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Medium {
    /// Reached through the domain only. Its bytes count as the given instance's, if it was a guest's idea.
    Anonymous {
        /// Who pays for the bytes.
        owner: Option<InstanceId>,
    },
    /// A file, which host calls may read or write. Unless the domain [hears](crate::Domain::hear_files) of those, `automatic` mappings are
    /// synced with the file itself at every crossing.
    File {
        /// Device and inode: two handles to one file are handles to one object.
        identity: (u64, u64),
    },
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Object {
    pub(crate) medium: Medium,
    /// Length in bytes when it was last looked at.
    pub(crate) size: u64,
    /// How many of its bytes count against nobody's quota: those that it was published with.
    pub(crate) free: u64,
    /// Live handles and published names. The object goes when these and the mappings are gone.
    pub(crate) holders: u32,
    pub(crate) mappings: Set<MappingId>,
    /// How many of them are shared and can be written through.
    pub(crate) shared: u32,
    /// Somebody may write it past the domain: a file that was opened for writing.
    pub(crate) written_outside: bool,
    pub(crate) leases: Set<LeaseId>,
    /// Who waits for a lease, in the order in which they get one. Upgrades come first.
    pub(crate) queue: Vec<WaiterId>,
    /// Whose `automatic` windows hold the newest bytes: they ran last, and may have written.
    pub(crate) newest: Option<InstanceId>,
    /// Counts changes of the stored bytes.
    pub(crate) version: u64,
    /// The heap whose bytes these are: they are reached through that only.
    pub(crate) heap: Option<HeapId>,
}

impl Object {
    /// What it counts for against a quota at a length of `size` bytes.
    pub(crate) fn paid(&self, size: u64) -> Quotas {
        Quotas { object_bytes: size.saturating_sub(self.free), ..Quotas::NONE }
    }
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Handle {
    pub(crate) instance: InstanceId,
    pub(crate) object: ObjectId,
    pub(crate) rights: Rights,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Mapping {
    pub(crate) view: View,
    pub(crate) coherence: Coherence,
    /// The version of the object that the whole window is known to show, or [`Mapping::UNKNOWN`].
    pub(crate) seen: u64,
    pub(crate) leases: u32,
    /// The handle that it was mapped with allows stores to reach the object, if its protection does.
    pub(crate) may_write: bool,
    /// The window may reach past the object's end.
    pub(crate) past_end: PastEnd,
    /// A publish at a crossing failed with this errno; `unmap` and `sync` say so.
    pub(crate) failed: Option<i32>,
}

impl Mapping {
    /// The window may show bytes that the object never had.
    pub(crate) const UNKNOWN: u64 = u64::MAX;

    /// The bytes of the object that are shown, the tail of the last granule included.
    pub(crate) fn range(&self) -> Span {
        Span::claim("the mapped range", self.view.offset, self.view.window.len()).expect("checked at map")
    }

    /// The part of the window that is for bytes `start .. end` of the object.
    pub(crate) fn window_of(&self, start: u64, end: u64) -> Option<Span> {
        let offset = self.view.offset;
        self.view.window.cut(start.saturating_sub(offset), end.saturating_sub(offset))
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.view.sharing == Sharing::Shared
    }

    /// Stores may reach the object: its protection allows them, or did once.
    pub(crate) fn is_writable(&self) -> bool {
        self.view.writable
    }

    /// Synced at every crossing. `Aliasing` windows need no syncing of their own, but count: copies elsewhere must hear
    /// of their stores.
    pub(crate) fn is_automatic(&self) -> bool {
        self.is_shared() && self.coherence != Coherence::Leased
    }
}

/// A right to read or write a range of an object, held or asked for.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Lease {
    pub(crate) instance: InstanceId,
    pub(crate) object: ObjectId,
    /// The part of a window that it is for; of none, if its holder reaches the object directly.
    pub(crate) shown: Option<(MappingId, Span)>,
    /// What it keeps others from, as a range of the object.
    pub(crate) range: Span,
    pub(crate) access: Access,
    /// The most that it can become.
    pub(crate) limit: Access,
}

impl Lease {
    /// Whether the two can't be held at once.
    pub(crate) fn conflicts(&self, access: Access, range: Span) -> bool {
        (access == Access::Write || self.access == Access::Write) && self.range.overlaps(range)
    }

    /// A lease to write is for what can be written.
    pub(crate) fn check_limit(&self) -> Result<(), Error> {
        match (self.access <= self.limit, self.shown) {
            (true, _) => Ok(()),
            (false, Some(_)) => Err(Error::Access { right: "write through a mapping that is private or read-only" }),
            (false, None) => Err(Error::Access { right: "write" }),
        }
    }

    pub(crate) fn is_of(&self, mapping: MappingId) -> bool {
        self.shown.is_some_and(|(of, _)| of == mapping)
    }
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Waiter {
    pub(crate) wanted: Lease,
    /// The lease to read that is to become the one wanted.
    pub(crate) upgrades: Option<LeaseId>,
    /// What it waited for, once it is there.
    pub(crate) granted: Option<LeaseId>,
}
