//! Objects, the handles to them and the names they are published under.

use alloc::string::String;

use super::Domain;
use super::leases::busy;
use crate::entries::{Handle, Object};
use crate::sorted::Set;
use crate::{Backend, Error, HandleId, InstanceId, Medium, ObjectId, PastEnd, Quotas, Rights};

const ONE_HANDLE: Quotas = Quotas { objects: 1, ..Quotas::NONE };

/// Whose quota an object's bytes count against.
#[derive(Clone, Copy)]
enum Payer {
    /// A file's bytes are its file system's.
    Nobody,
    /// Guests made a published object larger.
    Domain,
    Guest(InstanceId),
}

impl Payer {
    fn of(object: &Object) -> Self {
        match object.medium {
            Medium::Anonymous { owner: Some(guest) } => Self::Guest(guest),
            Medium::Anonymous { owner: None } => Self::Domain,
            Medium::File { .. } => Self::Nobody,
        }
    }
}

/// What became of an object that a handle was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is new: the backend must be given its storage before the next call.
    New(ObjectId),
    /// The domain has it already, from another handle to the same file.
    Known(ObjectId),
}

impl Adopted {
    /// The object, new or known.
    #[must_use]
    pub fn object(self) -> ObjectId {
        match self {
            Self::New(object) | Self::Known(object) => object,
        }
    }
}

impl Domain {
    /// Whether `caller` may have a new anonymous object of `size` bytes; [`Domain::anonymous`] can't fail then.
    ///
    /// # Errors
    /// [`Error::Empty`] if `size` is 0, [`Error::Quota`], [`Error::Stale`].
    pub fn check_anonymous(&self, caller: InstanceId, size: u64) -> Result<(), Error> {
        if size == 0 {
            return Err(Error::Empty { what: "the new object" });
        }
        self.check_quota(caller, Quotas { object_bytes: size, ..ONE_HANDLE })
    }

    /// A new object of `size` zero bytes, which `caller` gets all rights to. The backend must be given its storage
    /// before the next call.
    ///
    /// # Errors
    /// As [`Domain::check_anonymous`].
    pub fn anonymous(&mut self, caller: InstanceId, size: u64) -> Result<(HandleId, ObjectId), Error> {
        self.check_anonymous(caller, size)?;
        let object = self.insert_object(Medium::Anonymous { owner: Some(caller) }, size);
        self.pay(Payer::Guest(caller), Quotas { object_bytes: size, ..Quotas::NONE });
        Ok((self.insert_handle(caller, object, Rights::all())?, object))
    }

    /// Whether `caller` may have one more handle.
    ///
    /// # Errors
    /// [`Error::Quota`], [`Error::Stale`].
    pub fn check_handle(&self, caller: InstanceId) -> Result<(), Error> {
        self.check_quota(caller, ONE_HANDLE)
    }

    /// A handle for `caller` to the file `identity`, which is `size` bytes long now.
    ///
    /// # Errors
    /// As [`Domain::check_handle`].
    pub fn file(
        &mut self,
        caller: InstanceId,
        identity: (u64, u64),
        size: u64,
        rights: Rights,
    ) -> Result<(HandleId, Adopted), Error> {
        self.check_handle(caller)?;
        let adopted = self.adopt(Medium::File { identity }, size);
        if self.object(adopted.object())?.heap.is_some() {
            return Err(Error::Unsupported { why: "the file is a shared heap's: attach that" });
        }
        Ok((self.insert_handle(caller, adopted.object(), rights)?, adopted))
    }

    /// Publishes an object under `name`: a new anonymous one, or a file. The bytes it is published with count
    /// against nobody's quota; what guests add to them counts against the domain's.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the name is taken.
    pub fn publish_name(&mut self, name: &str, medium: Medium, size: u64, rights: Rights) -> Result<Adopted, Error> {
        if self.names.contains_key(name) {
            return Err(Error::Unsupported { why: "an object is published under that name already" });
        }
        let adopted = self.adopt(medium, size);
        if self.object(adopted.object())?.heap.is_some() {
            return Err(Error::Unsupported { why: "the file is a shared heap's" });
        }
        self.object_mut(adopted.object())?.holders += 1;
        self.names.insert(String::from(name), (adopted.object(), rights));
        Ok(adopted)
    }

    /// The object published as `name`, for the host's own use.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn named(&self, name: &str) -> Result<ObjectId, Error> {
        self.names.get(name).map(|(object, _)| *object).ok_or_else(|| not_found(name))
    }

    /// The names that objects are published under.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// A handle for `caller` to what is published as `name`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Quota`], [`Error::Stale`].
    pub fn open(&mut self, caller: InstanceId, name: &str) -> Result<HandleId, Error> {
        let (object, rights) = *self.names.get(name).ok_or_else(|| not_found(name))?;
        self.check_handle(caller)?;
        self.insert_handle(caller, object, rights)
    }

    /// What a handle allows.
    ///
    /// # Errors
    /// [`Error::Stale`] if it isn't `caller`'s.
    pub fn rights(&self, caller: InstanceId, handle: HandleId) -> Result<Rights, Error> {
        Ok(self.handle_of(caller, handle)?.rights)
    }

    /// An object's length in bytes, now.
    ///
    /// # Errors
    /// [`Error::Stale`] if the handle isn't `caller`'s, [`Error::Io`].
    pub fn size(&mut self, backend: &mut dyn Backend, caller: InstanceId, handle: HandleId) -> Result<u64, Error> {
        let object = self.handle_of(caller, handle)?.object;
        self.size_now(backend, object)
    }

    /// Gives a handle back. One that is gone, or another's, is left alone.
    pub fn drop_handle_of(&mut self, backend: &mut dyn Backend, caller: InstanceId, handle: HandleId) {
        if self.handle_of(caller, handle).is_ok() {
            self.drop_handle(backend, handle);
        }
    }

    /// Sets an object's length. New bytes are zero.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`] without [`Rights::RESIZE`], [`Error::Empty`], [`Error::RangeOverlap`] if bytes
    /// that a live mapping shows would go, [`Error::Quota`], [`Error::Busy`] if host code has a lease on bytes that would go, or if
    /// guests run at the same time and one has a lease on the granule that the object ends in; and the backend's. The object is then as it was.
    pub fn resize(
        &mut self,
        backend: &mut dyn Backend,
        caller: InstanceId,
        handle: HandleId,
        size: u64,
    ) -> Result<(), Error> {
        let Handle { object: id, rights, .. } = self.handle_of(caller, handle)?;
        if !rights.contains(Rights::RESIZE) {
            return Err(Error::Access { right: "resize" });
        }
        if size == 0 {
            return Err(Error::Empty { what: "the resized object" });
        }
        self.resize_object(backend, id, size)
    }

    /// [`Domain::resize`], of an object that may be resized.
    pub(super) fn resize_object(&mut self, backend: &mut dyn Backend, id: ObjectId, size: u64) -> Result<(), Error> {
        let old = self.size_now(backend, id)?;
        for mapping in &self.object(id)?.mappings {
            let mapping = self.mapping(*mapping)?;
            let range = mapping.range();
            if mapping.past_end == PastEnd::Refused && size < range.end().min(old) {
                return Err(Error::RangeOverlap { start: range.start(), end: range.end() });
            }
        }
        for lease in self.object(id)?.leases.iter().filter_map(|lease| self.leases.get(*lease)) {
            if lease.shown.is_none() && size < lease.range.end().min(old) {
                return Err(busy(lease.range));
            }
        }
        let payer = Payer::of(self.object(id)?);
        let (before, after) = (self.object(id)?.paid(old), self.object(id)?.paid(size));
        let grown = Quotas { object_bytes: after.object_bytes.saturating_sub(before.object_bytes), ..Quotas::NONE };
        match payer {
            Payer::Nobody => {}
            Payer::Domain => self.account.check("domain", grown)?,
            Payer::Guest(guest) => self.check_quota(guest, grown)?,
        }
        if size > old {
            self.check_tail(id, old)?;
        }
        self.settle(backend, id);
        self.let_writer_in(backend, id)?;
        if size > old {
            self.lose_tails(backend, id, old)?;
        }
        backend.resize(id, size)?;
        self.repay(payer, before);
        self.pay(payer, after);
        let object = self.object_mut(id)?;
        object.size = size;
        object.version += 1;
        self.follow_all(backend, id, size);
        Ok(())
    }

    /// The object's length now; a file's may have changed.
    pub(super) fn size_now(&mut self, backend: &mut dyn Backend, id: ObjectId) -> Result<u64, Error> {
        let object = self.object_mut(id)?;
        if matches!(object.medium, Medium::File { .. }) {
            object.size = backend.size(id)?;
        }
        Ok(object.size)
    }

    /// The object goes if nobody holds it any more.
    pub(super) fn release_if_unused(&mut self, backend: &mut dyn Backend, id: ObjectId) {
        let Some(object) = self.objects.get(id) else { return };
        if object.holders > 0 || !object.mappings.is_empty() || !object.leases.is_empty() || !object.queue.is_empty() {
            return;
        }
        let (payer, paid) = (Payer::of(object), object.paid(object.size));
        if let Medium::File { identity } = object.medium {
            self.files.remove(&identity);
        }
        self.repay(payer, paid);
        self.objects.remove(id);
        backend.release(id);
    }

    pub(super) fn drop_handle(&mut self, backend: &mut dyn Backend, id: HandleId) {
        let Some(handle) = self.handles.remove(id) else { return };
        self.give_quota(handle.instance, ONE_HANDLE);
        if let Some(instance) = self.instances.get_mut(handle.instance) {
            instance.handles.remove(&id);
        }
        if let Some(object) = self.objects.get_mut(handle.object) {
            object.holders -= 1;
        }
        self.release_if_unused(backend, handle.object);
    }

    fn pay(&mut self, payer: Payer, bytes: Quotas) {
        match payer {
            Payer::Nobody => {}
            Payer::Domain => self.account.take(bytes),
            Payer::Guest(guest) => self.take_quota(guest, bytes),
        }
    }

    fn repay(&mut self, payer: Payer, bytes: Quotas) {
        match payer {
            Payer::Nobody => {}
            Payer::Domain => self.account.give(bytes),
            Payer::Guest(guest) => self.give_quota(guest, bytes),
        }
    }

    pub(super) fn adopt(&mut self, medium: Medium, size: u64) -> Adopted {
        if let Medium::File { identity } = medium
            && let Some(&object) = self.files.get(&identity)
        {
            return Adopted::Known(object);
        }
        Adopted::New(self.insert_object(medium, size))
    }

    fn insert_object(&mut self, medium: Medium, size: u64) -> ObjectId {
        let written_outside = matches!(medium, Medium::File { identity } if self.written_files.contains(&identity));
        let id = self.objects.insert(Object {
            medium,
            size,
            free: if matches!(medium, Medium::Anonymous { owner: None }) { size } else { 0 },
            holders: 0,
            mappings: Set::new(),
            shared: 0,
            written_outside,
            leases: Set::new(),
            queue: alloc::vec::Vec::new(),
            newest: None,
            version: 0,
            heap: None,
        });
        if let Medium::File { identity } = medium {
            self.files.insert(identity, id);
        }
        id
    }

    fn insert_handle(&mut self, caller: InstanceId, object: ObjectId, rights: Rights) -> Result<HandleId, Error> {
        self.take_quota(caller, ONE_HANDLE);
        self.object_mut(object)?.holders += 1;
        let id = self.handles.insert(Handle { instance: caller, object, rights });
        if let Some(instance) = self.instances.get_mut(caller) {
            instance.handles.insert(id);
        }
        Ok(id)
    }
}

fn not_found(name: &str) -> Error {
    Error::NotFound { name: name.chars().take(64).collect() }
}
