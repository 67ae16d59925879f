//! What to show of an object, and how.

use crate::bindings::mapping::{MapFlags, MapOptions as WireOptions};
use crate::bindings::types::{Coherence, Protection, Sharing};
use crate::sys::{Lending, Shown};
use crate::{Error, Mapping, MappingMut, Object, RawMapping, Refused, Result, Rights, WindowBuf};

/// What to show of an object, and how.
///
/// Without further choices: all of the object, coherent where guards are acquired and released
/// ([`leased`](Self::leased)), and shared if the object may be written, else private.
///
/// ```no_run
/// use memctl_guest::{MapOptions, Object, domain};
///
/// let object = Object::anonymous(1 << 20)?;
/// let second = domain::granule();
/// let mut mapping = MapOptions::new().offset(second as u64).len(100).map_mut(&object)?;
/// mapping.write()?.fill(7);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "options do nothing before `map` or `map_mut`"]
pub struct MapOptions {
    offset: u64,
    len: Option<u64>,
    sharing: Option<Sharing>,
    coherence: Coherence,
    flags: MapFlags,
}

/// What the options come to for one object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// Bytes to show.
    pub(crate) len: u64,
    pub(crate) options: WireOptions,
    pub(crate) lending: Lending,
}

/// Options for a window of known length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fitted {
    options: MapOptions,
    /// In bytes.
    room: u64,
}

impl Fitted {
    pub(crate) fn to_read(self, object: &Object) -> Result<Choice> {
        Ok(self.fit(self.options.to_read(object)?))
    }

    pub(crate) fn to_write(self, object: &Object) -> Result<Choice> {
        Ok(self.fit(self.options.to_write(object)?))
    }

    fn fit(self, choice: Choice) -> Choice {
        match self.options.len {
            Some(_) => choice,
            None => Choice { len: choice.len.min(self.room), ..choice },
        }
    }
}

impl Default for MapOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl MapOptions {
    /// All of the object, leased; shared if the object may be written, else private.
    pub const fn new() -> Self {
        Self { offset: 0, len: None, sharing: None, coherence: Coherence::Leased, flags: MapFlags::empty() }
    }

    /// Starts at byte `offset` of the object, a multiple of [`domain::granule`](crate::domain::granule).
    pub const fn offset(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Shows `len` bytes. Any length will do: the window is rounded up to the granule, guards show `len` bytes.
    pub const fn len(mut self, len: usize) -> Self {
        self.len = Some(len as u64);
        self
    }

    /// As [`len`](Self::len), for what is longer than this guest's memory can be, in a [`Window64`](crate::Window64).
    pub const fn len64(mut self, len: u64) -> Self {
        self.len = Some(len);
        self
    }

    /// Stores reach the object where a write guard is released, and every other mapper sees them there.
    pub const fn shared(mut self) -> Self {
        self.sharing = Some(Sharing::Shared);
        self
    }

    /// A snapshot of the object at the time of the call. Later stores on either side are not seen on the other.
    /// Guards need no lease: they cost nothing.
    pub const fn private(mut self) -> Self {
        self.sharing = Some(Sharing::Private);
        self
    }

    /// Shared bytes are coherent whenever control passes between guest and host, not only where guards are acquired and
    /// released. For code that keeps no guards: see [`MappingMut::cells`]. One such window can show a given range in a store.
    pub const fn automatic(mut self) -> Self {
        self.coherence = Coherence::Automatic;
        self
    }

    /// Shared bytes are coherent where guards are acquired and released, and host calls cost nothing. The default.
    pub const fn leased(mut self) -> Self {
        self.coherence = Coherence::Leased;
        self
    }

    /// All of it will be used soon: prepare it now. This changes costs, never results.
    pub const fn populate(mut self) -> Self {
        self.flags = self.flags.union(MapFlags::POPULATE);
        self
    }

    /// The range may end past the object's end, or begin there. Its granules past the end are this guest's own memory, zero at first, until the object
    /// grows over them; and again when it gets shorter. The length should be given, or the range ends where the object does now.
    pub const fn past_end(mut self) -> Self {
        self.flags = self.flags.union(MapFlags::PAST_END);
        self
    }

    /// Maps `object` for reading, in a window that is allocated here and freed with the mapping.
    ///
    /// A shared mapping of an object that may only be read needs a host that protects the window
    /// ([`Capabilities::PROTECTION`](crate::domain::Capabilities::PROTECTION)).
    ///
    /// # Errors
    /// [`Error::Alignment`] if the offset is not a multiple of the granule; [`Error::Bounds`] if the range is empty or not
    /// inside the object; [`Error::Overlap`] if another automatic window shows some of it; [`Error::Access`];
    /// [`Error::Quota`]; [`Error::Unsupported`]; [`Error::OutOfMemory`]; [`Error::Io`]. Nothing is mapped then.
    pub fn map(&self, object: &Object) -> Result<Mapping> {
        let len = self.shown_len(object)?;
        Ok(self.map_len_in(WindowBuf::new(len)?, object, len)?)
    }

    /// Maps `object` for reading and writing, in a window that is allocated here and freed with the mapping.
    /// Shared unless [`private`](Self::private) was chosen.
    ///
    /// # Errors
    /// Those of [`map`](Self::map); [`Error::Access`] if it is shared and the object may only be read.
    pub fn map_mut(&self, object: &Object) -> Result<MappingMut> {
        let len = self.shown_len(object)?;
        Ok(self.map_len_mut_in(WindowBuf::new(len)?, object, len)?)
    }

    /// As [`map`](Self::map), in the first bytes of a window of the caller's: mapping again and again allocates nothing.
    ///
    /// ```no_run
    /// use memctl_guest::{MapOptions, Object, WindowBuf};
    ///
    /// let object = Object::open("log")?;
    /// let mut window = WindowBuf::new(1 << 20)?;
    /// for part in 0..4 {
    ///     let mapping = MapOptions::new().offset(part << 20).len(1 << 20).map_in(window, &object)?;
    ///     // … mapping.read()? …
    ///     window = mapping.unmap_into_window()?;
    /// }
    /// # Ok::<(), memctl_guest::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`map`](Self::map), with the window; [`Error::Bounds`] if the window is too small.
    pub fn map_in(&self, window: WindowBuf, object: &Object) -> Result<Mapping, Refused> {
        match self.shown_len(object) {
            Ok(len) => self.map_len_in(window, object, len),
            Err(error) => Err(Refused { window, error }),
        }
    }

    /// As [`map_mut`](Self::map_mut), in the first bytes of a window of the caller's.
    ///
    /// # Errors
    /// Those of [`map_mut`](Self::map_mut), with the window; [`Error::Bounds`] if the window is too small.
    pub fn map_mut_in(&self, window: WindowBuf, object: &Object) -> Result<MappingMut, Refused> {
        match self.shown_len(object) {
            Ok(len) => self.map_len_mut_in(window, object, len),
            Err(error) => Err(Refused { window, error }),
        }
    }

    /// Maps `object` for code that reaches the bytes through a raw pointer, in a window that is allocated here and freed with the mapping.
    ///
    /// Sharing is as in [`map`](Self::map) unless it was chosen. `protection` other than [`Protection::ReadWrite`] needs
    /// [`Capabilities::PROTECTION`](crate::domain::Capabilities::PROTECTION), and can be changed with [`protect`](crate::protection::protect).
    ///
    /// # Errors
    /// Those of [`map`](Self::map).
    pub fn map_raw(&self, object: &Object, protection: Protection) -> Result<RawMapping> {
        let len = self.shown_len(object)?;
        Ok(self.map_shown_len_in(WindowBuf::new(len)?, object, len, protection)?)
    }

    /// As [`map_raw`](Self::map_raw), in the first bytes of a window of the caller's.
    ///
    /// # Errors
    /// Those of [`map_raw`](Self::map_raw), with the window; [`Error::Bounds`] if the window is too small.
    pub fn map_raw_in(
        &self,
        window: WindowBuf,
        object: &Object,
        protection: Protection,
    ) -> Result<RawMapping, Refused> {
        match self.shown_len(object) {
            Ok(len) => self.map_shown_len_in(window, object, len, protection),
            Err(error) => Err(Refused { window, error }),
        }
    }

    /// The length to show in this guest's memory.
    fn shown_len(&self, object: &Object) -> Result<usize> {
        // More than the guest can address.
        usize::try_from(self.range_len(object)?).map_err(|_| Error::OutOfMemory)
    }

    /// The length to show, which the host checks if it may be past the object's end.
    fn range_len(&self, object: &Object) -> Result<u64> {
        match self.len {
            Some(len) if self.flags.contains(MapFlags::PAST_END) => Ok(len),
            len => object.range_len(self.offset, len),
        }
    }

    /// Of all that is left of an object, at most `room` bytes.
    pub(crate) fn up_to(self, room: u64) -> Fitted {
        Fitted { options: self, room }
    }

    /// What to ask for to read `object`, and all of how it is shown.
    pub(crate) fn to_read(self, object: &Object) -> Result<Choice> {
        let (sharing, protection) = self.readable(object);
        Ok(self.choice(self.range_len(object)?, sharing, protection))
    }

    /// What to ask for to write `object`, and all of how it is shown.
    pub(crate) fn to_write(self, object: &Object) -> Result<Choice> {
        let sharing = self.sharing.unwrap_or(Sharing::Shared);
        Ok(self.choice(self.range_len(object)?, sharing, Protection::ReadWrite))
    }

    fn readable(&self, object: &Object) -> (Sharing, Protection) {
        let writable = self.sharing == Some(Sharing::Private) || object.rights().contains(Rights::WRITE);
        let protection = match self.sharing {
            Some(Sharing::Shared) if !writable => Protection::Read,
            _ => Protection::ReadWrite,
        };
        let default = if writable { Sharing::Shared } else { Sharing::Private };
        (self.sharing.unwrap_or(default), protection)
    }

    fn choice(&self, len: u64, sharing: Sharing, protection: Protection) -> Choice {
        let lending = match sharing {
            Sharing::Shared if self.coherence == Coherence::Automatic => Lending::Unleased,
            Sharing::Shared => Lending::Leased,
            Sharing::Private => Lending::Free,
        };
        let options =
            WireOptions { offset: self.offset, protection, sharing, coherence: self.coherence, flags: self.flags };
        Choice { len, options, lending }
    }

    fn map_shown_len_in(
        &self,
        window: WindowBuf,
        object: &Object,
        len: usize,
        protection: Protection,
    ) -> Result<RawMapping, Refused> {
        let writable = object.rights().contains(Rights::WRITE);
        let sharing = self.sharing.unwrap_or(if writable { Sharing::Shared } else { Sharing::Private });
        self.show(window, object, len, sharing, protection).map(RawMapping::new)
    }

    fn map_len_in(&self, window: WindowBuf, object: &Object, len: usize) -> Result<Mapping, Refused> {
        let (sharing, protection) = self.readable(object);
        self.show(window, object, len, sharing, protection).map(Mapping::new)
    }

    fn map_len_mut_in(&self, window: WindowBuf, object: &Object, len: usize) -> Result<MappingMut, Refused> {
        let sharing = self.sharing.unwrap_or(Sharing::Shared);
        self.show(window, object, len, sharing, Protection::ReadWrite).map(MappingMut::new)
    }

    fn show(
        &self,
        window: WindowBuf,
        object: &Object,
        len: usize,
        sharing: Sharing,
        protection: Protection,
    ) -> Result<Shown, Refused> {
        if len > window.len() {
            return Err(Refused { window, error: Error::Bounds });
        }
        let Choice { options, lending, .. } = self.choice(len as u64, sharing, protection);
        Shown::map(window.into_pages(), len, object.as_resource(), options, lending)
            .map_err(|(pages, error)| Refused { window: WindowBuf::from_pages(pages), error })
    }
}
