//! Where an object's bytes are on this host.

use alloc::boxed::Box;

use memctl_core::sorted::Map;
use memctl_core::{Adopted, Error, ObjectId, Storage};

use crate::buffer::Buffer;
use crate::mmu::FileObject;

/// An object's storage.
pub(crate) enum Body {
    /// In the host's heap: can be copied, and shown in place.
    Heap(Buffer),
    /// A file, or memory that has a descriptor: can be copied and aliased.
    File(FileObject),
    /// Whatever the embedder says: can be copied.
    Other(Box<dyn Storage + Send + Sync>),
}

/// The storage of every object of a domain.
pub(crate) type Bodies = Map<ObjectId, Body>;

impl Body {
    pub(crate) fn storage(&self) -> &dyn Storage {
        match self {
            Self::Heap(storage) => storage,
            Self::File(storage) => storage,
            Self::Other(storage) => storage.as_ref(),
        }
    }

    pub(crate) fn storage_mut(&mut self) -> &mut dyn Storage {
        match self {
            Self::Heap(storage) => storage,
            Self::File(storage) => storage,
            Self::Other(storage) => storage.as_mut(),
        }
    }

    /// What windows alias, if they can.
    pub(crate) fn file(&self) -> Option<&FileObject> {
        match self {
            Self::Heap(_) | Self::Other(_) => None,
            Self::File(file) => Some(file),
        }
    }

    /// What windows can be put onto.
    pub(crate) fn buffer(&self) -> Option<&Buffer> {
        match self {
            Self::Heap(buffer) => Some(buffer),
            Self::File(_) | Self::Other(_) => None,
        }
    }
}

/// The storage of `object`.
pub(crate) fn body(bodies: &mut Bodies, object: ObjectId) -> Result<&mut Body, Error> {
    bodies.get_mut(&object).ok_or(Error::Stale { what: "object" })
}

/// Gives an object its storage: a new one this, a known one this only if it can do more.
pub(crate) fn adopt(bodies: &mut Bodies, adopted: Adopted, body: Body) {
    let known = match adopted {
        Adopted::New(_) => false,
        Adopted::Known(object) => bodies.contains_key(&object),
    };
    if !known || body.file().is_some_and(FileObject::writable) {
        bodies.insert(adopted.object(), body);
    }
}
