//! What the model knows of each thing.

use memctl_core::{Access, Rights};

use crate::{MapAt, Name, Range};

/// Whose idea an object was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The host's. The bytes that it was published with count against nobody's quota.
    Published {
        free: u64,
    },
    /// Its bytes are its file system's.
    File,
    Guest(usize),
}

#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) origin: Origin,
    /// Something was stored past the end: until it is certainly lost, who sees what there is open.
    pub(crate) tail_stored: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    pub(crate) name: Name,
    pub(crate) object: usize,
    pub(crate) rights: Rights,
}

#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) name: Name,
    pub(crate) guest: usize,
    pub(crate) object: usize,
    pub(crate) ask: MapAt,
    /// A private window's bytes.
    pub(crate) own: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) name: Name,
    pub(crate) guest: usize,
    pub(crate) mapping: Name,
    pub(crate) object: usize,
    /// Of the window.
    pub(crate) part: Range,
    /// First byte of the object, and the one after the last.
    pub(crate) range: Range,
    pub(crate) access: Access,
}

#[derive(Debug, Default)]
pub(crate) struct Guest {
    pub(crate) memory: Vec<u8>,
    pub(crate) handles: Vec<Handle>,
    /// Handles that it had when it was ended.
    pub(crate) gone_handles: Vec<Name>,
    /// Handles to what was unmapped.
    pub(crate) gone_mappings: Vec<Name>,
    /// Handles to what was revoked.
    pub(crate) gone_leases: Vec<Name>,
    /// It will do nothing more.
    pub(crate) trapped: bool,
    /// It goes on, but the domain knows it no more.
    pub(crate) ended: bool,
}

impl Lease {
    pub(crate) fn covers(&self, object: usize, offset: u64) -> bool {
        self.object == object && self.range.0 <= offset && offset < self.range.1
    }
}

impl Mapping {
    /// First byte of the object that is shown, and the one after the last.
    pub(crate) fn range(&self) -> Range {
        (self.ask.options.offset, self.ask.options.offset + self.ask.window.1)
    }

    /// The object's byte that an address of the window shows.
    pub(crate) fn offset(&self, address: u64) -> u64 {
        self.ask.options.offset + (address - self.ask.window.0)
    }

    pub(crate) fn shows(&self, address: u64) -> bool {
        let (start, len) = self.ask.window;
        start <= address && address < start + len
    }
}
