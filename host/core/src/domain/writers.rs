//! Who else may look at an object or write it: the host, and files that are open past the domain. Snapshots are made independent
//! before the first writer is let in (rule 2 of the contract).

use super::Domain;
use super::mappings::part_of;
use crate::entries::Object;
use crate::{Access, Backend, Error, Medium, ObjectId, Shown, Span};

/// How many files opened for writing are remembered one by one. Past it, all files count as written.
const WRITTEN_FILES: usize = 4096;

impl Domain {
    /// Host code reads an object: its newest bytes are brought into the storage first.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::Busy`] while somebody has a lease to write any of it.
    pub fn about_to_read(&mut self, backend: &mut dyn Backend, object: ObjectId) -> Result<(), Error> {
        self.check_host_lease(object, Access::Read)?;
        self.settle(backend, object);
        Ok(())
    }

    /// Host code writes an object's storage: private mappings are made independent of it first, and everybody
    /// else looks again afterwards.
    ///
    /// # Errors
    /// [`Error::Stale`]; [`Error::Busy`] while somebody has a lease on any of it; the backend's if a private mapping can't be made
    /// independent.
    pub fn about_to_write(&mut self, backend: &mut dyn Backend, object: ObjectId) -> Result<(), Error> {
        self.check_host_lease(object, Access::Write)?;
        self.settle(backend, object);
        self.let_writer_in(backend, object)?;
        self.host_writes_heap(object);
        self.object_mut(object)?.version += 1;
        Ok(())
    }

    /// A file is about to be opened for writing past the domain: private mappings of it are made independent of it.
    ///
    /// # Errors
    /// The backend's; the file must then not be opened.
    pub fn file_opened_for_writing(&mut self, backend: &mut dyn Backend, identity: (u64, u64)) -> Result<(), Error> {
        if let Some(&object) = self.files.get(&identity) {
            self.let_writer_in(backend, object)?;
            self.object_mut(object)?.written_outside = true;
        }
        if self.written_files.len() < WRITTEN_FILES {
            self.written_files.insert(identity);
        } else {
            self.files_watched = false;
        }
        Ok(())
    }

    /// Whether nobody can write the object, and nobody will without the domain hearing of it first.
    pub(super) fn is_frozen(&self, object: &Object) -> bool {
        let watched = match object.medium {
            Medium::Anonymous { .. } => true,
            Medium::File { .. } => self.files_watched,
        };
        watched && object.shared == 0 && !object.written_outside
    }

    /// Makes every snapshot that still shows the object's own storage independent of it.
    pub(super) fn let_writer_in(&mut self, backend: &mut dyn Backend, id: ObjectId) -> Result<(), Error> {
        let snapshots = self.object(id)?.mappings.clone();
        for mapping in snapshots {
            let Some(view) = self.mappings.get(mapping).map(|mapping| mapping.view) else { continue };
            if view.shown == Shown::Snapshot {
                if view.extent > 0 {
                    self.with_access(backend, &view, |backend| backend.detach(&view))?;
                }
                if let Some(mapping) = self.mappings.get_mut(mapping) {
                    mapping.view.shown = Shown::Copy;
                }
            }
        }
        Ok(())
    }

    /// Nobody that may be running stores past the object's end, in the granule that it ends in.
    pub(super) fn check_tail(&self, id: ObjectId, size: u64) -> Result<(), Error> {
        let end = self.granule.round_up(size);
        if self.threads.is_one() || end == size {
            return Ok(());
        }
        self.check_no_lease(self.object(id)?, Span::claim("the tail", size, end - size)?)
    }

    /// Zeroes what shared windows show past the object's end, before the object grows over it.
    pub(super) fn lose_tails(&mut self, backend: &mut dyn Backend, id: ObjectId, size: u64) -> Result<(), Error> {
        for mapping in &self.object(id)?.mappings {
            let mapping = self.mapping(*mapping)?;
            let view = mapping.view;
            let shown = size.saturating_sub(view.offset);
            if view.shown == Shown::Copy && (!self.threads.is_one() || backend.is_inside(view.instance)) {
                // Its guest may be running. It gets the new bytes with its next lease, or when it comes in next.
                continue;
            }
            // No further than the granule that the object ends in, also if it got shorter and the window has yet to follow.
            let end = self.extent(view.offset, view.window.len(), size);
            let tail = view.window.cut(shown, end).and_then(|tail| part_of(&view, tail, size));
            if mapping.is_shared()
                && let Some(tail) = tail
            {
                match backend.publish(&view, tail) {
                    // A page of the window is bad, which its guest is trapped for and which is nothing to who resizes; new bytes
                    // of the storage are zero in any case.
                    Ok(()) | Err(Error::Io { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}
