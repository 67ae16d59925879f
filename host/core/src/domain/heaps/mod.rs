//! Shared heaps: publishing them, finding them, and what an instance may do with one.
//!
//! A heap is an object and a list of which ranges of it are taken. That list is here, and nothing in the heap's bytes matters to it. Ownership of a
//! block is what a lease is elsewhere: bytes move when it changes, and nothing else does.

mod attach;
mod blocks;
mod bytes;
mod ends;
mod queues;

use alloc::string::String;
use alloc::vec::Vec;

use super::Domain;
use crate::heap::{Block, Heap, Holder, MadeOf, Managed, Queue};
use crate::sorted::Map;
use crate::space::Space;
use crate::{
    Adopted, BlockId, Error, HeapId, HeapOptions, HeapRights, HeapStatus, InstanceId, Medium, ObjectId, Rights, Token,
};

pub use queues::Received;

/// Heaps in which the hardware keeps blocks apart use whole granules; elsewhere blocks begin where any value can.
const UNIT: u64 = 16;

impl Domain {
    /// Publishes a heap in `size` bytes of `medium`, a multiple of the granule. The backend must be given the object's storage before the next call.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the name is taken, [`Error::Empty`], [`Error::Misaligned`].
    pub fn publish_heap(
        &mut self,
        name: &str,
        medium: Medium,
        size: u64,
        options: HeapOptions,
    ) -> Result<(HeapId, Adopted), Error> {
        self.check_heap_name(name)?;
        if size == 0 {
            return Err(Error::Empty { what: "the heap" });
        }
        self.granule.aligned("the heap's length", size)?;
        self.granule.aligned("the length that the heap grows to", options.max_len)?;
        let adopted = self.adopt(medium, size);
        if matches!(adopted, Adopted::Known(_)) {
            return Err(Error::Unsupported { why: "a file that is an object already can't be a heap as well" });
        }
        self.object_mut(adopted.object())?.holders += 1;
        let unit =
            if self.threads.is_one() && !self.audited { UNIT.min(self.granule.bytes()) } else { self.granule.bytes() };
        // What is in a file that was there before is not known to be zero.
        let fresh = if matches!(medium, Medium::File { .. }) { u64::MAX } else { 0 };
        let managed = Managed {
            object: adopted.object(),
            space: Space::new(size, unit),
            max_len: options.max_len.max(size),
            fresh,
            blocks: 0,
            attached: Map::new(),
        };
        let id = self.insert_heap(name, options, MadeOf::Object(managed));
        self.object_mut(adopted.object())?.heap = Some(id);
        Ok((id, adopted))
    }

    /// Publishes several heaps as one: a chain, in which they are behind each other.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the name is taken or one of them is a chain, [`Error::NotFound`], [`Error::Empty`], [`Error::Wraps`] if it would be too long.
    pub fn publish_chain(&mut self, name: &str, heaps: &[&str], options: HeapOptions) -> Result<HeapId, Error> {
        self.check_heap_name(name)?;
        if heaps.is_empty() {
            return Err(Error::Empty { what: "the chain" });
        }
        let mut members: Vec<(HeapId, u64)> = Vec::new();
        let mut len = 0_u64;
        for member in heaps {
            let id = self.heap_named(member)?;
            let MadeOf::Object(managed) = &self.heap(id)?.made_of else {
                return Err(Error::Unsupported { why: "a chain is made of heaps, not of chains" });
            };
            if members.iter().any(|(other, _)| *other == id) {
                return Err(Error::Unsupported { why: "a heap is in a chain once" });
            }
            members.push((id, len));
            let what = "the chain";
            len = len.checked_add(managed.max_len).ok_or(Error::Wraps { what, start: len, len: managed.max_len })?;
        }
        Ok(self.insert_heap(name, options, MadeOf::Heaps(members)))
    }

    /// The heap published as `name`, for the host's own use.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn heap_named(&self, name: &str) -> Result<HeapId, Error> {
        let cut = || Error::NotFound { name: name.chars().take(64).collect() };
        self.heap_names.get(name).copied().ok_or_else(cut)
    }

    /// What an instance is called, where heaps name their heirs.
    pub fn name_instance(&mut self, instance: InstanceId, name: &str) {
        if let Some(instance) = self.instances.get_mut(instance) {
            instance.name = Some(String::from(name));
        }
    }

    /// What an instance may do with the heap published as `name`, in place of what all may.
    pub fn set_heap_rights(&mut self, instance: InstanceId, name: &str, rights: HeapRights) {
        if let Some(instance) = self.instances.get_mut(instance) {
            instance.heap_rights.insert(String::from(name), rights);
        }
    }

    /// The heap, or chain, published as `name`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Access`] without any right, [`Error::Stale`].
    pub fn open_heap(&self, caller: InstanceId, name: &str) -> Result<HeapId, Error> {
        let id = self.heap_named(name)?;
        self.check_any_right(caller, id)?;
        Ok(id)
    }

    /// The caller may do something with the heap: to all others it is as good as not there.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`].
    pub fn check_any_right(&self, caller: InstanceId, id: HeapId) -> Result<HeapRights, Error> {
        let rights = self.heap_rights(caller, id)?;
        if rights.is_empty() { Err(Error::Access { right: "use the heap" }) } else { Ok(rights) }
    }

    /// What is known of a heap. Of a chain, the sums, and the largest free range of any of its heaps.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Access`] without any right.
    pub fn heap_status(&self, caller: InstanceId, id: HeapId) -> Result<HeapStatus, Error> {
        let rights = self.check_any_right(caller, id)?;
        Ok(HeapStatus { rights, ..self.heap_status_of(id)? })
    }

    /// What is known of a heap, and what instances may do that nothing else was said of, for the host's own use.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn heap_status_of(&self, id: HeapId) -> Result<HeapStatus, Error> {
        let rights = self.heap(id)?.rights;
        let queues = u32::try_from(self.heap(id)?.queues.len()).unwrap_or(u32::MAX);
        let mut status = HeapStatus { rights, len: 0, max_len: 0, free: 0, largest_free: 0, blocks: 0, queues };
        for (member, start) in self.members(id)? {
            let managed = self.managed(member)?;
            status.len = start + managed.space.len();
            status.max_len = start + managed.max_len;
            status.free += managed.space.free_bytes();
            status.largest_free = status.largest_free.max(managed.space.largest_free());
            status.blocks += managed.blocks;
        }
        Ok(status)
    }

    /// Heap number `index` of a chain, and where it begins in it. A heap that is no chain is its own first.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::NotFound`] if it has not so many.
    pub fn heap_member(&self, id: HeapId, index: u32) -> Result<(HeapId, u64), Error> {
        let member = match &self.heap(id)?.made_of {
            MadeOf::Object(_) => (index == 0).then_some((id, 0)),
            MadeOf::Heaps(members) => members.get(index as usize).copied(),
        };
        member.ok_or_else(|| Error::NotFound { name: alloc::format!("heap {index} of the chain") })
    }

    /// Whether a block of this length and alignment is allocated, or refused, without growing a heap: nobody else's window changes then.
    #[must_use]
    pub fn allocates_as_it_is(&self, id: HeapId, (len, align): (u64, u64)) -> bool {
        // Half of the largest free range is enough for any alignment of a range that is not found at once.
        let surely = |managed: &Managed| managed.space.largest_free() / 2 >= len.saturating_add(align);
        let is_long = |managed: &Managed| managed.space.len() == managed.max_len;
        match self.heap(id).map(|heap| &heap.made_of) {
            Ok(MadeOf::Object(managed)) => is_long(managed) || surely(managed),
            Ok(MadeOf::Heaps(members)) => members.iter().all(|(member, _)| self.managed(*member).is_ok_and(is_long)),
            Err(_) => true,
        }
    }

    /// The heap's bytes were somebody's before it was published: what no block ever had is not known to be zero.
    pub fn heap_has_contents(&mut self, id: HeapId) {
        if let Ok(managed) = self.managed_mut(id) {
            managed.fresh = u64::MAX;
        }
    }

    /// The object that a heap is in, for the host's own use.
    ///
    /// # Errors
    /// [`Error::Stale`], [`Error::Unsupported`] for a chain, which is in several.
    pub fn heap_object(&self, id: HeapId) -> Result<ObjectId, Error> {
        match &self.heap(id)?.made_of {
            MadeOf::Object(managed) => Ok(managed.object),
            MadeOf::Heaps(_) => {
                Err(Error::Unsupported { why: "a chain has no bytes of its own: name one of its heaps" })
            }
        }
    }

    fn check_heap_name(&self, name: &str) -> Result<(), Error> {
        if self.heap_names.contains_key(name) {
            return Err(Error::Unsupported { why: "a heap is published under that name already" });
        }
        Ok(())
    }

    fn insert_heap(&mut self, name: &str, options: HeapOptions, made_of: MadeOf) -> HeapId {
        let queues = core::iter::repeat_with(Queue::default).take(options.queues as usize).collect();
        let HeapOptions { rights, orphans, .. } = options;
        let id = self.heaps.insert(Heap { name: String::from(name), rights, orphans, queues, made_of });
        self.heap_names.insert(String::from(name), id);
        id
    }

    fn heap(&self, id: HeapId) -> Result<&Heap, Error> {
        self.heaps.get(id).ok_or(Error::Stale { what: "heap" })
    }

    fn heap_mut(&mut self, id: HeapId) -> Result<&mut Heap, Error> {
        self.heaps.get_mut(id).ok_or(Error::Stale { what: "heap" })
    }

    fn managed(&self, id: HeapId) -> Result<&Managed, Error> {
        match &self.heap(id)?.made_of {
            MadeOf::Object(managed) => Ok(managed),
            MadeOf::Heaps(_) => Err(Error::Stale { what: "heap" }),
        }
    }

    fn managed_mut(&mut self, id: HeapId) -> Result<&mut Managed, Error> {
        match &mut self.heap_mut(id)?.made_of {
            MadeOf::Object(managed) => Ok(managed),
            MadeOf::Heaps(_) => Err(Error::Stale { what: "heap" }),
        }
    }

    /// The heaps of a chain, and where each begins; a heap that is no chain is its own only one.
    fn members(&self, id: HeapId) -> Result<Vec<(HeapId, u64)>, Error> {
        Ok(match &self.heap(id)?.made_of {
            MadeOf::Object(_) => alloc::vec![(id, 0)],
            MadeOf::Heaps(members) => members.clone(),
        })
    }

    fn is_member(&self, id: HeapId, member: HeapId) -> Result<bool, Error> {
        Ok(match &self.heap(id)?.made_of {
            MadeOf::Object(_) => id == member,
            MadeOf::Heaps(members) => members.iter().any(|(other, _)| *other == member),
        })
    }

    fn heap_rights(&self, caller: InstanceId, id: HeapId) -> Result<HeapRights, Error> {
        let (instance, heap) = (self.instance(caller)?, self.heap(id)?);
        if instance.heap_rights.is_empty() {
            return Ok(heap.rights);
        }
        Ok(instance.heap_rights.get(&heap.name).copied().unwrap_or(heap.rights))
    }

    fn check_heap_rights(&self, caller: InstanceId, id: HeapId, needed: HeapRights) -> Result<(), Error> {
        let rights = self.heap_rights(caller, id)?;
        for (right, name) in [
            (HeapRights::READ, "read the heap"),
            (HeapRights::WRITE, "write the heap"),
            (HeapRights::ALLOCATE, "allocate in the heap"),
        ] {
            if needed.contains(right) && !rights.contains(right) {
                return Err(Error::Access { right: name });
            }
        }
        Ok(())
    }

    /// What is stored in the object from now on, if it is a heap's, is not known to be zero where no block is.
    pub(in crate::domain) fn host_writes_heap(&mut self, object: ObjectId) {
        if let Some(id) = self.heap_shown(object)
            && let Ok(managed) = self.managed_mut(id)
        {
            managed.fresh = u64::MAX;
        }
    }

    /// The block that a token names, if it is a live one and each number is right.
    fn block_of(&self, token: Token) -> Result<(BlockId, Block), Error> {
        let id = BlockId::from_bits(token.generation);
        match self.blocks.get(id) {
            Some(block) if self.token(id, block) == token && block.holder != Holder::Abandoned => Ok((id, *block)),
            _ => Err(Error::Stale { what: "block" }),
        }
    }

    fn token(&self, id: BlockId, block: &Block) -> Token {
        Token { heap: block.heap.to_bits(), offset: block.offset, len: block.len, generation: id.to_bits() }
    }
}

/// What attaching with these rights allows to do with the heap's object.
fn object_rights(rights: HeapRights) -> Rights {
    let mut object = Rights::empty();
    object.set(Rights::READ, rights.contains(HeapRights::READ));
    object.set(Rights::WRITE, rights.contains(HeapRights::READ | HeapRights::WRITE));
    object
}
