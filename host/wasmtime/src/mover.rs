//! Moving and showing bytes for the domain: the alias backend where it can, the copy backend elsewhere.

use alloc::sync::Arc;

use memctl_core::{
    Access, Ask, Backend, Coherence, Error, Forbidden, MemoryId, ObjectId, Part, Sharing, Shield, Shown, Span, View,
};

use crate::Mode;
use crate::attachment::Attachment;
use crate::body::{Bodies, body};
use crate::dirty;
use crate::domain::{Presences, Shared};
use crate::means::Means;
use crate::mmu::{FileObject, Protection, Reservation};
use crate::place::{Place, lent_id};
use crate::stats::Stats;
use crate::sys;
use crate::twins::Twins;
use crate::waiting::Bells;

/// The means of one call into the domain.
pub(crate) struct Mover<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) bodies: &'a mut Bodies,
    pub(crate) memories: &'a crate::memories::ById,
    pub(crate) presences: &'a Presences,
    pub(crate) twins: &'a mut Twins,
    pub(crate) bells: &'a mut Bells,
    pub(crate) stats: &'a mut Stats,
    /// The caller's memory, if the call came with one.
    pub(crate) place: Option<Place<'a>>,
    /// What the domain sees of the caller's store.
    pub(crate) attachment: Attachment,
    /// The guest that is running on another thread right now: its windows are not to be touched.
    pub(crate) running: Option<memctl_core::InstanceId>,
}

/// The bytes of a window, while nobody else touches them.
enum Bytes<'a> {
    Known(&'a Arc<Reservation>),
    Lent(&'a mut [u8]),
}

impl Mover<'_> {
    /// Nobody on another thread is inside with a shared window on `object`: its bytes can be looked at.
    pub(crate) fn check_free(&self, rules: &memctl_core::Domain, object: ObjectId) -> Result<(), Error> {
        match self.running {
            Some(running) if rules.is_shared_by(object, running) || self.is_unsettled(running) => {
                Err(Error::Busy { start: 0, end: u64::MAX })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn known(&self, memory: MemoryId) -> Option<&Reservation> {
        self.memories.get(&memory).map(|used| used.memory.as_ref())
    }

    pub(crate) fn reservation(&self, view: &View) -> Result<&Reservation, Error> {
        self.known(view.memory).ok_or(Error::Stale { what: "memory" })
    }

    /// Lends the bytes of `window`, a part of the view's, beside the object's storage.
    pub(crate) fn with_bytes<R>(
        &mut self,
        view: &View,
        window: Span,
        then: impl FnOnce(&mut dyn memctl_core::Storage, &mut [u8]) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if self.is_inside(view.instance) {
            return Err(Error::Busy { start: view.offset, end: view.offset + view.window.len() });
        }
        let bytes = match &mut self.place {
            Some(Place::Lent { start, bytes, .. }) if view.memory == lent_id(view.instance) => {
                let at = window.start().checked_sub(*start).and_then(|at| usize::try_from(at).ok());
                let len = usize::try_from(window.len()).ok();
                at.zip(len)
                    .and_then(|(at, len)| bytes.get_mut(at..)?.get_mut(..len))
                    .map(Bytes::Lent)
                    .ok_or(Error::Unsupported { why: "the host doesn't know this memory: pass the whole window" })?
            }
            _ => Bytes::Known(&self.memories.get(&view.memory).ok_or(Error::Stale { what: "memory" })?.memory),
        };
        let storage = body(self.bodies, view.object)?.storage_mut();
        match bytes {
            Bytes::Lent(bytes) => then(storage, bytes),
            Bytes::Known(memory) => sys::with_window(memory, window, |bytes| then(storage, bytes))?,
        }
    }

    /// [`Mover::with_bytes`], with the twins. On an error the window goes without one: what its file holds isn't known.
    fn with_twins(
        &mut self,
        view: &View,
        part: Part,
        then: impl FnOnce(&mut Twins, &mut dyn memctl_core::Storage, &mut [u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.is_inside(view.instance) {
            return Err(Error::Busy { start: view.offset, end: view.offset + view.window.len() });
        }
        let mut twins = core::mem::take(self.twins);
        let done = self.with_bytes(view, part.window, |storage, bytes| then(&mut twins, storage, bytes));
        if done.is_err() {
            twins.forget(view);
        }
        *self.twins = twins;
        done
    }

    pub(crate) fn file(&self, view: &View) -> Result<&FileObject, Error> {
        self.bodies.get(&view.object).and_then(crate::body::Body::file).ok_or(Error::Stale { what: "object" })
    }
}

/// How many of a part's bytes the object has.
pub(crate) fn real(part: Part) -> usize {
    usize::try_from(part.real).unwrap_or(usize::MAX)
}

impl Backend for Mover<'_> {
    fn choose(&mut self, memory: MemoryId, object: ObjectId, ask: Ask) -> Result<Shown, Error> {
        if self.suits_in_place(memory, object, ask) {
            return Ok(Shown::Alias);
        }
        let known = self.known(memory).is_some();
        let aliasable = known && self.attachment.survives_faults() && self.shared.mode != Mode::Copy;
        let has_file = body(self.bodies, object)?.file().is_some();
        if self.shared.mode == Mode::Auto && !aliasable {
            #[cfg(feature = "std")]
            tracing::debug!(
                target: "memctl",
                host_knows_the_memory = known,
                store = ?self.attachment,
                "this window is copied; to alias it use Domain::configure on the engine's Config, and attach the store"
            );
        }
        match (ask.sharing, ask.coherence) {
            (Sharing::Private, _) if aliasable && has_file && ask.frozen => Ok(Shown::Snapshot),
            (Sharing::Private, _) => Ok(Shown::Copy),
            (Sharing::Shared, _) if aliasable && has_file => Ok(Shown::Alias),
            (Sharing::Shared, Coherence::Aliasing) => Err(Error::Unsupported {
                why: "aliasing needs the alias backend, a memory that the host made (Domain::configure) and a store that is \
                      attached (attach)",
            }),
            (Sharing::Shared, _) if self.shared.mode == Mode::Alias => Err(Error::Unsupported {
                why: "this memory can't be aliased, and the embedder chose the backend alias: make the engine's memories with \
                      Domain::configure, attach the store, or choose the backend auto",
            }),
            (Sharing::Shared, Coherence::Automatic) if !known => Err(Error::Unsupported {
                why: "automatic mappings need a memory that the host finds at every crossing: use Domain::configure on the \
                      engine's Config, or map leased",
            }),
            (Sharing::Shared, Coherence::Automatic) if !self.attachment.sees_crossings() => Err(Error::Unsupported {
                why: "automatic mappings need a store whose crossings the host sees: call attach on it, or map leased",
            }),
            (Sharing::Shared, _) => Ok(Shown::Copy),
        }
    }

    fn is_inside(&self, instance: memctl_core::InstanceId) -> bool {
        self.running == Some(instance)
    }

    fn size(&mut self, object: ObjectId) -> Result<u64, Error> {
        body(self.bodies, object)?.storage().size()
    }

    fn show(&mut self, view: &View, part: Option<Part>) -> Result<(), Error> {
        let shown = match view.shown {
            Shown::Copy => self.show_copy(view, part),
            Shown::Alias if self.is_in_place(view) => self.show_in_place(view),
            Shown::Alias | Shown::Snapshot => self.show_pages(view, part),
        };
        if shown.is_ok() {
            self.stats.mappings += 1;
            match view.shown {
                Shown::Copy => self.stats.copied += 1,
                Shown::Alias if self.is_in_place(view) => self.stats.in_place += 1,
                Shown::Alias | Shown::Snapshot => self.stats.aliased += 1,
            }
            self.stats.bytes_mapped += view.window.len();
        }
        shown
    }

    fn show_more(&mut self, view: &View, part: Part) -> Result<(), Error> {
        if view.shown != Shown::Copy {
            return self.show_part(view, part);
        }
        self.refresh(view, part)
    }

    fn show_less(&mut self, view: &View, part: Span) -> Result<(), Error> {
        if view.shown != Shown::Copy {
            return self.reservation(view)?.hide(part.start(), part.len());
        }
        self.twins.truncate(view);
        self.clear(view, part)
    }

    fn hide(&mut self, view: &View) -> Result<(), Error> {
        self.twins.forget(view);
        if self.is_in_place(view) {
            return self.hide_in_place(view);
        }
        if let (Some(memory), Ok(start)) = (self.known(view.memory), usize::try_from(view.window.start())) {
            dirty::forget(memory.base().addr().saturating_add(start), view.window.len());
        }
        match view.shown {
            Shown::Alias | Shown::Snapshot => self.reservation(view)?.hide(view.window.start(), view.window.len()),
            Shown::Copy => match self.known(view.memory) {
                // With pages that keep it, the granule is the host page.
                Some(memory) if has_whole_pages(view) && (view.window.len() > SMALL || view.restricted) => {
                    memory.hide(view.window.start(), view.window.len())
                }
                Some(memory) => memory.zero(view.window.start(), view.window.len()),
                None => self.with_bytes(view, view.window, |_, bytes| {
                    memctl_copy::hide(bytes);
                    Ok(())
                }),
            },
        }
    }

    fn zero(&mut self, view: &View, part: Part) -> Result<(), Error> {
        if self.is_in_place(view) {
            return body(self.bodies, view.object)?.storage_mut().discard(part.offset, part.real);
        }
        match self.known(view.memory) {
            Some(memory) => memory.zero(part.window.start(), part.window.len()),
            None => self.with_bytes(view, part.window, |_, bytes| {
                bytes.fill(0);
                Ok(())
            }),
        }
    }

    fn publish(&mut self, view: &View, part: Part) -> Result<(), Error> {
        if self.is_in_place(view) {
            return self.zero_tail_in_place(view, part);
        }
        if view.shown != Shown::Copy {
            return if self.is_gone(view, part)? { Ok(()) } else { self.zero_tail(view, part) };
        }
        let mut copied = part.real;
        let published = self.with_twins(view, part, |twins, storage, bytes| {
            if twins.has(view) {
                return twins.publish(view, part, storage, bytes);
            }
            copied = dirty::publish(storage, part, bytes)?;
            Ok(())
        });
        self.stats.bytes_copied += copied;
        // Who tracks may tell bytes twice.
        self.stats.bytes_clean += part.real.saturating_sub(copied);
        published
    }

    fn refresh(&mut self, view: &View, part: Part) -> Result<(), Error> {
        if self.is_in_place(view) {
            return self.zero_tail_in_place(view, part);
        }
        if view.shown != Shown::Copy {
            return self.zero_tail(view, part);
        }
        self.stats.bytes_copied += part.real;
        self.with_twins(view, part, |twins, storage, bytes| {
            memctl_copy::refresh(storage, part.offset, bytes, real(part))?;
            twins.refreshed(view, part, bytes);
            dirty::in_step(bytes);
            Ok(())
        })
    }

    fn rejoin(&mut self, view: &View, part: Part) -> Result<(), Error> {
        if self.is_in_place(view) {
            return self.zero_tail_in_place(view, part);
        }
        if view.shown != Shown::Copy {
            return self.zero_tail(view, part);
        }
        self.stats.bytes_copied += part.real;
        self.with_twins(view, part, |twins, storage, bytes| {
            if twins.has(view) {
                twins.publish(view, part, storage, bytes)?;
            }
            memctl_copy::refresh(storage, part.offset, bytes, real(part))?;
            twins.keep(view, bytes);
            Ok(())
        })
    }

    fn protection(&mut self, memory: MemoryId) -> Result<u64, Error> {
        Ok(match self.means(memory)? {
            Means::Pages | Means::Advice => u64::MAX,
            Means::Checks(_, shield) => shield.capacity.into(),
        })
    }

    fn forbid(&mut self, memory: MemoryId, ranges: &[Forbidden]) -> Result<(), Error> {
        match self.means(memory)? {
            Means::Pages | Means::Advice => Ok(()),
            Means::Checks(shield, _) => {
                let (head, table) = memctl_core::host_part(ranges);
                shield.write(Shield::HEADER, &table)?;
                shield.write(Shield::COUNT, &head)
            }
        }
    }

    fn permit(&mut self, memory: MemoryId, part: Span, access: Option<Access>) -> Result<(), Error> {
        // Guarded windows are of memories whose pages see to it; elsewhere there is nothing to do.
        let pages = self.memories.get(&memory).is_some_and(|used| self.has_pages(used));
        let Some(memory) = self.known(memory).filter(|_| pages) else { return Ok(()) };
        let (start, len) = (part.start(), part.len());
        match access {
            None => memory.guard(start, len),
            Some(access) => {
                let protection = match access {
                    Access::Read => Protection::Read,
                    Access::Write => Protection::ReadWrite,
                };
                memory.protect(start, len, protection).inspect_err(|_| {
                    // Some of it may have become accessible. A guard that fails makes all the rest inaccessible.
                    let _guarded = memory.guard(start, len);
                })
            }
        }
    }

    fn discard(&mut self, memory: MemoryId, view: Option<&View>, part: Span) -> Result<(), Error> {
        match (self.known(memory), view.map(|view| view.shown)) {
            (Some(memory), Some(Shown::Snapshot | Shown::Alias)) => memory.hide(part.start(), part.len()),
            (Some(memory), Some(Shown::Copy) | None) => {
                let host_page = crate::mmu::host_page_size();
                if part.start().is_multiple_of(host_page) && part.len().is_multiple_of(host_page) {
                    memory.discard(part.start(), part.len())
                } else {
                    memory.zero(part.start(), part.len())
                }
            }
            (None, _) => self.lent(part).map(|bytes| bytes.fill(0)),
        }
    }

    fn discard_stored(&mut self, object: ObjectId, offset: u64, len: u64) -> Result<(), Error> {
        body(self.bodies, object)?.storage_mut().discard(offset, len)
    }

    fn detach(&mut self, view: &View) -> Result<(), Error> {
        // Whoever is inside may be storing to the pages that are about to be replaced.
        let busy = Error::Busy { start: view.offset, end: view.offset + view.window.len() };
        let _outside = match self.presences.get(&view.instance) {
            Some(whereabouts) => Some(whereabouts.presence.hold().ok_or(busy)?),
            None => None,
        };
        let Some(shown) = view.shown_part() else { return Ok(()) };
        self.stats.bytes_copied += shown.len();
        let memory = self.reservation(view)?;
        match memory.detach(shown.start(), shown.len()) {
            // A page of it is gone. Its guest will be trapped for that before it runs again; the writer has nothing to do with it.
            Err(Error::Io { .. }) => memory.hide(shown.start(), shown.len()),
            detached => detached,
        }
    }

    fn resize(&mut self, object: ObjectId, size: u64) -> Result<(), Error> {
        body(self.bodies, object)?.storage_mut().set_size(size)
    }

    fn sync(&mut self, object: ObjectId) -> Result<(), Error> {
        body(self.bodies, object)?.storage_mut().sync()
    }

    fn release(&mut self, object: ObjectId) {
        self.bodies.remove(&object);
    }
}

/// Whether a window has host pages to itself.
fn has_whole_pages(view: &View) -> bool {
    let page = crate::mmu::host_page_size();
    view.window.start().is_multiple_of(page) && view.window.len().is_multiple_of(page)
}

/// Windows of at most this many bytes that hold a copy are zeroed rather than given back: fresh pages cost more.
const SMALL: u64 = 1 << 20;
