//! What a guest passes to `map`.

use memctl_core::{Coherence, MapOptions, PastEnd, Populate, Protection, Sharing};

/// Sharing and coherence in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Shared, synced at crossings.
    Automatic,
    /// Shared, under leases.
    Leased,
    /// Shared, coherent at once.
    Aliasing,
    /// A snapshot.
    Private,
}

/// What a guest passes to `map`, but the object.
#[derive(Clone, Copy, Debug)]
pub struct MapAt {
    /// Start and length in bytes.
    pub window: (u64, u64),
    /// All else.
    pub options: MapOptions,
}

/// Shows an object from its first byte on in the window of `len` bytes at `start`.
#[must_use]
pub fn map_at(start: u64, len: u64, kind: Kind) -> MapAt {
    let (sharing, coherence) = match kind {
        Kind::Automatic => (Sharing::Shared, Coherence::Automatic),
        Kind::Leased => (Sharing::Shared, Coherence::Leased),
        Kind::Aliasing => (Sharing::Shared, Coherence::Aliasing),
        Kind::Private => (Sharing::Private, Coherence::Automatic),
    };
    let options = MapOptions {
        offset: 0,
        protection: Protection::ReadWrite,
        sharing,
        coherence,
        populate: Populate::OnDemand,
        past_end: PastEnd::Refused,
    };
    MapAt { window: (start, len), options }
}

impl MapAt {
    /// The same from another byte of the object on.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.options.offset = offset;
        self
    }

    /// The same, also past the object's end.
    #[must_use]
    pub fn past_end(mut self) -> Self {
        self.options.past_end = PastEnd::Own;
        self
    }

    pub(crate) fn is_private(&self) -> bool {
        self.options.sharing == Sharing::Private
    }

    pub(crate) fn is_leased(&self) -> bool {
        !self.is_private() && self.options.coherence == Coherence::Leased
    }

    /// Shared, and written without leases.
    pub(crate) fn is_automatic(&self) -> bool {
        !self.is_private() && self.options.coherence != Coherence::Leased
    }
}
