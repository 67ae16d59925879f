//! Calls by which a guest reads, writes and resizes a file: the domain hears of them before and after.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use memctl_core::{Changing, Domain, InstanceId, Reach};
use wasmtime_wasi::filesystem::File;

use crate::guest::Guest;
use crate::mover::Mover;

/// One guest's use of one open file.
#[derive(Clone)]
pub(crate) struct Heard {
    guest: Arc<Guest>,
    file: Arc<std::fs::File>,
}

impl Heard {
    pub(crate) fn new(guest: Arc<Guest>, file: &File) -> Self {
        Self { guest, file: file.file.clone() }
    }

    /// `len` bytes from `offset` on are about to be read.
    pub(crate) fn read(&self, offset: u64, len: u64) {
        self.tell(|rules, mover, caller, identity| rules.file_read(mover, caller, identity, offset, len));
    }

    /// The medium is about to get all of the file.
    pub(crate) fn synced(&self) {
        self.tell(|rules, mover, _, identity| rules.file_synced(mover, identity));
    }

    /// The file is about to be changed. Say when that is done.
    pub(crate) fn changes(&self, reach: Reach) -> Option<Changing> {
        self.tell(|rules, mover, caller, identity| rules.file_changes(mover, caller, identity, reach)).flatten()
    }

    /// The file was changed, or it was tried.
    pub(crate) fn changed(&self, changing: Option<Changing>) {
        if let Some(changing) = changing {
            self.guest.shared.call(None, self.guest.attachment(), |rules, mover| {
                rules.file_changed(mover, self.guest.instance, changing);
            });
        }
    }

    /// Tells the domain, if it has mappings that this may matter to: elsewhere calls on files cost nothing.
    fn tell<R>(&self, what: impl FnOnce(&mut Domain, &mut Mover<'_>, InstanceId, (u64, u64)) -> R) -> Option<R> {
        if !self.guest.shared.hears.load(Ordering::Relaxed) {
            return None;
        }
        let metadata = self.file.metadata().ok()?;
        let identity = (metadata.dev(), metadata.ino());
        let caller = self.guest.instance;
        let attachment = self.guest.attachment();
        Some(self.guest.shared.call(None, attachment, |rules, mover| what(rules, mover, caller, identity)))
    }
}
