//! What a backend does with bytes. The domain says when; nothing here decides anything.

use crate::{Access, Error, Forbidden, InstanceId, ObjectId, Populate, Protection, Sharing, Span};

/// Which of an instance's memories a window lies in, as the embedding numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MemoryId(pub u64);

/// How a window shows its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Shown {
    /// The window *is* the object's storage.
    Alias,
    /// A private window over the object's storage: pages are copied when the guest writes them. Only while nobody can
    /// write the object.
    Snapshot,
    /// The window holds a copy of the bytes.
    Copy,
}

/// A mapping, as far as backends need to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct View {
    /// Whose mapping it is.
    pub instance: InstanceId,
    /// The memory that the window lies in.
    pub memory: MemoryId,
    /// The window, as addresses of that memory.
    pub window: Span,
    /// What is shown.
    pub object: ObjectId,
    /// First byte of the object that is shown.
    pub offset: u64,
    /// Whether stores reach the object.
    pub sharing: Sharing,
    /// How the window shows it.
    pub shown: Shown,
    /// When to bring the bytes in.
    pub populate: Populate,
    /// The window can't be touched where no lease allows it: [`Backend::permit`] says where one does.
    pub guarded: bool,
    /// Stores may reach the object: the mapping is shared, the handle allowed it, and so does the window's protection, or did since it was mapped.
    pub writable: bool,
    /// What the guest may do to the window's bytes when it is shown. [`Backend::permit`] changes that.
    pub protection: Protection,
    /// Some of the window can't be stored to, or not be touched, for its protection.
    pub restricted: bool,
    /// How many of the window's bytes show the object, from its first on: whole granules. It is all of them, unless the window may reach
    /// [past the object's end](crate::PastEnd::Own). The others are the guest's own memory.
    pub extent: u64,
    /// The object changes past the domain: what others write there has to outlive what this window publishes.
    pub merges: bool,
}

impl View {
    /// The part of the window that shows the object, if it shows any of it.
    #[must_use]
    pub fn shown_part(&self) -> Option<Span> {
        self.window.cut(0, self.extent)
    }

    /// The part of the window that is the guest's own memory, past the object's end.
    #[must_use]
    pub fn own_part(&self) -> Option<Span> {
        self.window.cut(self.extent, self.window.len())
    }
}

/// A part of a view, and where the object ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Inside the view's window.
    pub window: Span,
    /// The object's byte that the part's first byte shows.
    pub offset: u64,
    /// How many of the part's bytes the object has. The rest read as zero, and what is stored there is lost.
    pub real: u64,
}

/// The means by which windows come to show objects.
///
/// All methods get windows that lie in the guest's memory and ranges of objects that were checked. None of them is called while
/// guest code of the view's instance runs.
pub trait Backend {
    /// How a window of `memory` would show `object`. `frozen` says that nobody can write the object now and
    /// that the domain will hear of it before somebody can.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it can't with this sharing and coherence.
    fn choose(&mut self, memory: MemoryId, object: ObjectId, ask: Ask) -> Result<Shown, Error>;

    /// Whether the instance's guest is running right now, on another thread: its windows can't be touched.
    fn is_inside(&self, instance: InstanceId) -> bool {
        let _ = instance;
        false
    }

    /// The object's length in bytes, now.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn size(&mut self, object: ObjectId) -> Result<u64, Error>;

    /// Makes the window show the object: `part` is all of it that does, if any. The rest becomes zero.
    ///
    /// # Errors
    /// Any; the window's bytes are then as they were.
    fn show(&mut self, view: &View, part: Option<Part>) -> Result<(), Error>;

    /// The object grew over `part` of the window, which was the guest's own memory: it shows the object from now on. `view` has the new extent. All of the part can
    /// be touched afterwards.
    ///
    /// # Errors
    /// Any; the part is then as it was.
    fn show_more(&mut self, view: &View, part: Part) -> Result<(), Error>;

    /// The object got shorter: `part` of the window becomes the guest's own memory, zeroed. `view` has the new extent. All of the part can be touched
    /// afterwards.
    ///
    /// # Errors
    /// Any; the part does not show the object even then.
    fn show_less(&mut self, view: &View, part: Span) -> Result<(), Error>;

    /// Makes the window ordinary zeroed memory, without publishing.
    ///
    /// # Errors
    /// Any; the window no longer shows the object even then.
    fn hide(&mut self, view: &View) -> Result<(), Error>;

    /// Makes the part's bytes zero in the window, and where the window is the storage, there.
    ///
    /// # Errors
    /// Any; some of the bytes may be zero then.
    fn zero(&mut self, view: &View, part: Part) -> Result<(), Error>;

    /// Moves the part's bytes from window to object, and zeroes those past the object's end in the window.
    ///
    /// # Errors
    /// Any; the object may then have some of the bytes.
    fn publish(&mut self, view: &View, part: Part) -> Result<(), Error>;

    /// Moves the part's bytes from object to window, and zeroes those past the object's end in the window.
    ///
    /// # Errors
    /// Any; the window may then have some of the bytes.
    fn refresh(&mut self, view: &View, part: Part) -> Result<(), Error>;

    /// As [`Backend::refresh`] of a whole automatic window, for the instance that comes back to an object that changes past the domain.
    /// Bytes that were stored in the window meanwhile, by host code that acts for the instance, are moved to the object instead.
    ///
    /// # Errors
    /// Any; window and object may then have some of each other's bytes.
    fn rejoin(&mut self, view: &View, part: Part) -> Result<(), Error> {
        self.refresh(view, part)
    }

    /// How many ranges of `memory` can be protected.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if none can be.
    fn protection(&mut self, memory: MemoryId) -> Result<u64, Error> {
        let _ = memory;
        Err(Error::Unsupported { why: "this backend can't protect memory" })
    }

    /// What is protected in `memory` from now on, if checks in the guest's code have to see to it: everything, sorted and disjoint, at most as much as
    /// [`Backend::protection`] said.
    ///
    /// # Errors
    /// Any; what was protected before still is.
    fn forbid(&mut self, memory: MemoryId, ranges: &[Forbidden]) -> Result<(), Error> {
        let (_, _) = (memory, ranges);
        Ok(())
    }

    /// From now on `part`, whole granules of `memory`, can be read, or read and written, or not be touched at all, if pages have to see to it.
    ///
    /// # Errors
    /// Any. When access was to be given, there is none then. When it was to be taken, it is taken all the same, if need be from more
    /// than was asked for.
    fn permit(&mut self, memory: MemoryId, part: Span, access: Option<Access>) -> Result<(), Error> {
        let (_, _, _) = (memory, part, access);
        Ok(())
    }

    /// Makes `part` zero, whole granules of the guest's own: outside windows, or in the private window `view`. Storage goes back to the host where possible.
    ///
    /// # Errors
    /// Any; some of the bytes may be zero then.
    fn discard(&mut self, memory: MemoryId, view: Option<&View>, part: Span) -> Result<(), Error>;

    /// Makes `len` bytes of the object from `offset` on zero. Their storage goes back to the host where possible.
    ///
    /// # Errors
    /// Any; some of the bytes may be zero then.
    fn discard_stored(&mut self, object: ObjectId, offset: u64, len: u64) -> Result<(), Error>;

    /// Makes a [`Shown::Snapshot`] window independent of the object, keeping its bytes: somebody is about to write the object. All of the window can be touched.
    ///
    /// # Errors
    /// Any; the window is then as it was.
    fn detach(&mut self, view: &View) -> Result<(), Error>;

    /// Sets the object's length. New bytes are zero.
    ///
    /// # Errors
    /// Any; the object is then as it was.
    fn resize(&mut self, object: ObjectId, size: u64) -> Result<(), Error>;

    /// Waits until the medium has what was published.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn sync(&mut self, object: ObjectId) -> Result<(), Error>;

    /// The object is gone; its storage may go too.
    fn release(&mut self, object: ObjectId);
}

/// What a mapping needs of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Whether stores reach the object.
    pub sharing: Sharing,
    /// When shared bytes become coherent.
    pub coherence: crate::Coherence,
    /// Nobody can write the object now, and the domain will hear of it before somebody can.
    pub frozen: bool,
    /// The window, as addresses of its memory.
    pub window: Span,
    /// First byte of the object that is to be shown.
    pub offset: u64,
    /// What the guest may do to the window's bytes.
    pub protection: Protection,
    /// Whether the window may reach past the object's end.
    pub past_end: crate::PastEnd,
}
