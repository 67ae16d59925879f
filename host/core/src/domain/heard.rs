//! Calls by which guests read, write and resize files past their mappings, if the embedding tells of them: then automatic mappings of files
//! cost nothing at other crossings, and the calls move only what they are about.

use alloc::vec::Vec;

use super::Domain;
use crate::entries::Mapping;
use crate::{Backend, Error, InstanceId, MappingId, ObjectId, Span};

/// Which bytes of a file a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// `len` bytes from `offset` on.
    Range {
        /// First byte.
        offset: u64,
        /// Length in bytes.
        len: u64,
    },
    /// What is appended at its end.
    End,
    /// It gets this length in bytes.
    Size(u64),
}

/// A file that is being changed, between [`Domain::file_changes`] and [`Domain::file_changed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the domain is to be told when the file was changed"]
pub struct Changing {
    object: ObjectId,
    reach: Reach,
    /// Its length before, in bytes.
    size: u64,
}

impl Domain {
    /// From now on the embedding calls [`Domain::file_read`], [`Domain::file_changes`], [`Domain::file_changed`] and [`Domain::file_synced`] around
    /// every call by which a guest looks at a file or changes it. To be said before the first of them maps.
    pub fn hear_files(&mut self) {
        self.files_heard = true;
    }

    /// Whether there is anything to hear: some shared mapping of a file.
    #[must_use]
    pub fn has_shared_files(&self) -> bool {
        self.shared_files > 0
    }

    /// `caller` is about to read `len` bytes of the file `identity` from `offset` on: they are the newest. What fails is kept for `unmap` and
    /// `sync` of the mapping that it failed for.
    pub fn file_read(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        identity: (u64, u64),
        offset: u64,
        len: u64,
    ) {
        if let Some(object) = self.heard(identity) {
            self.bring_out_reach(backend, caller, object, offset, len);
        }
    }

    /// `caller` is about to wait until the medium has all of the file `identity`: so has the file.
    pub fn file_synced(&mut self, backend: &mut dyn Backend, identity: (u64, u64)) {
        if let Some(object) = self.heard(identity)
            && !self.objects.get(object).and_then(|o| o.newest).is_some_and(|newest| backend.is_inside(newest))
        {
            self.settle(backend, object);
        }
    }

    /// `caller` is about to change the file `identity`. Tell the domain when that is done, if this gives something.
    pub fn file_changes(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        identity: (u64, u64),
        reach: Reach,
    ) -> Option<Changing> {
        let object = self.heard(identity)?;
        let size = self.size_now(backend, object).ok()?;
        let end = match reach {
            Reach::Range { offset, len } => {
                // If only a part is written, or none, the rest must be the newest all the same.
                self.bring_out_reach(backend, caller, object, offset, len);
                offset.saturating_add(len)
            }
            Reach::End => u64::MAX,
            Reach::Size(size) => size,
        };
        if end > size {
            // What can't be zeroed is in a window whose guest will be trapped for that.
            let _zeroed = self.lose_tails(backend, object, size);
        }
        Some(Changing { object, reach, size })
    }

    /// The file was changed, at least in part, or it was tried: mappings of `caller` show it from now on, others when they next have to.
    pub fn file_changed(&mut self, backend: &mut dyn Backend, caller: InstanceId, changing: Changing) {
        let Changing { object: id, reach, size: before } = changing;
        let Ok(size) = self.size_now(backend, id) else {
            // All of every window is brought in before its guest goes on, or that is trapped. What it stored must be out by then.
            self.settle(backend, id);
            if let Ok(object) = self.object_mut(id) {
                object.version += 1;
            }
            return;
        };
        // What it grew by, or what it lost: the rest of the granule that it ends in now is zero.
        let grown = (before.min(size), before.max(size));
        let (start, end) = match reach {
            Reach::Range { offset, len } if size == before => (offset, offset.saturating_add(len)),
            Reach::Range { offset, len } => (grown.0.min(offset), grown.1.max(offset.saturating_add(len))),
            Reach::End | Reach::Size(_) => grown,
        };
        let Ok(object) = self.object_mut(id) else { return };
        let version = object.version;
        object.version += 1;
        let mappings: Vec<MappingId> = object.mappings.iter().copied().collect();
        for id in mappings {
            let Some(mapping) = self.mappings.get(id).copied() else { continue };
            if mapping.view.instance != caller || !mapping.is_automatic() || mapping.seen != version {
                // It is brought up to date, all of it, before its guest next looks.
                continue;
            }
            let seen = match self.bring_in_range(backend, id, start, end) {
                Ok(()) => version + 1,
                Err(_) => {
                    // All of the window is brought in before its guest goes on, or that is trapped. What it stored must be out by then.
                    self.settle(backend, mapping.view.object);
                    Mapping::UNKNOWN
                }
            };
            if let Some(mapping) = self.mappings.get_mut(id) {
                mapping.seen = seen;
            }
        }
    }

    /// The object that is a file, if it is mapped.
    fn heard(&self, identity: (u64, u64)) -> Option<ObjectId> {
        let object = *self.files.get(&identity)?;
        self.files_heard.then_some(object).filter(|id| self.objects.get(*id).is_some_and(|o| !o.mappings.is_empty()))
    }

    /// [`Domain::bring_out`] of a range that may be empty, or have no end.
    fn bring_out_reach(&mut self, backend: &mut dyn Backend, caller: InstanceId, id: ObjectId, offset: u64, len: u64) {
        if let Ok(range) = Span::claim("the bytes of the file", offset, len.min(u64::MAX - offset)) {
            self.bring_out(backend, caller, id, range);
        }
    }

    /// An automatic window follows the object's length, and bytes `start .. end` of the object are brought into it.
    fn bring_in_range(&mut self, backend: &mut dyn Backend, id: MappingId, start: u64, end: u64) -> Result<(), Error> {
        let mapping = *self.mapping(id)?;
        let size = self.object(mapping.view.object)?.size;
        self.follow(backend, id, size)?;
        let Some(window) = mapping.window_of(start, end) else { return Ok(()) };
        let (view, part) = self.part(backend, id, window)?;
        part.map_or(Ok(()), |part| backend.refresh(&view, part))
    }
}
