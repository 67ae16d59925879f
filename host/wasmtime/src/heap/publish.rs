//! What embedders do with heaps: publish them, look at them, say who may do what.

use alloc::string::String;
use alloc::vec::Vec;

use memctl_core::{Access, Error, HeapOptions, HeapRights, HeapStatus};

use crate::body::{Bodies, body};
use crate::builder::body_of;
use crate::{Domain, DomainBuilder, MemctlCtxBuilder, Mode, Source};

/// A heap that is to be published.
pub(crate) enum Planned {
    Heap(Source),
    Chain(Vec<String>),
}

impl DomainBuilder {
    /// Publishes a shared heap to all guests under `name`, in the bytes of `source`, whose length is rounded down to the granule. It lives as long as the domain.
    ///
    /// ```
    /// use memctl_wasmtime::{Domain, HeapOptions, HeapRights, Orphans, Source};
    ///
    /// let all = HeapOptions::default();
    /// let grows = HeapOptions { max_len: 64 << 20, orphans: Orphans::Heir("supervisor".into()), ..HeapOptions::default() };
    /// let domain = Domain::builder()
    ///     .heap("frames", Source::anonymous(16 << 20), all.clone())
    ///     .heap("messages", Source::anonymous(1 << 20), grows)
    ///     .heap_chain("everything", ["frames", "messages"], all)
    ///     .build()?;
    /// // One guest may only look at frames; another one supervises.
    /// let viewer = domain.context().heap_rights("frames", HeapRights::READ).build();
    /// let supervisor = domain.context().name("supervisor").build();
    /// assert_eq!(domain.heap_status("everything")?.max_len, 80 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn heap(mut self, name: impl Into<String>, source: Source, options: HeapOptions) -> Self {
        self.heaps.push((name.into(), Planned::Heap(source), options));
        self
    }

    /// Publishes heaps that were published before as one, under `name`: they are behind each other, and are attached, and allocated in, as one.
    #[must_use]
    pub fn heap_chain<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        heaps: impl IntoIterator<Item = S>,
        options: HeapOptions,
    ) -> Self {
        let heaps = heaps.into_iter().map(Into::into).collect();
        self.heaps.push((name.into(), Planned::Chain(heaps), options));
        self
    }
}

impl MemctlCtxBuilder {
    /// What this guest may do with the heap, or chain, published as `heap`, in place of what all may.
    #[must_use]
    pub fn heap_rights(mut self, heap: impl Into<String>, rights: HeapRights) -> Self {
        self.heap_rights.push((heap.into(), rights));
        self
    }

    /// What this guest is called, where heaps name their [heirs](crate::Orphans::Heir).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl Domain {
    /// Publishes a shared heap, as [`DomainBuilder::heap`] does.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the name is taken or the file can't be mapped, [`Error::Empty`] if there is less than a granule, [`Error::Misaligned`] for
    /// [`HeapOptions::max_len`], [`Error::OutOfMemory`], [`Error::Io`].
    pub fn publish_heap(&self, name: &str, source: Source, options: HeapOptions) -> Result<(), Error> {
        let state = &mut *self.shared.lock();
        publish(&mut state.rules, &mut state.bodies, self.shared.mode, name, Planned::Heap(source), options)
    }

    /// What is known of the heap, or chain, published as `name`.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn heap_status(&self, name: &str) -> Result<HeapStatus, Error> {
        let state = self.shared.lock();
        state.rules.heap_status_of(state.rules.heap_named(name)?)
    }

    /// Frees the blocks of the heap, or chain, published as `name` that are nobody's: given away and not taken, or sent and not received, by guests that may be
    /// gone. Gives how many there were.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn reclaim_blocks(&self, name: &str) -> Result<usize, Error> {
        let rules = &mut self.shared.lock().rules;
        rules.reclaim_blocks(rules.heap_named(name)?)
    }

    /// Copies bytes of the heap published as `name` from `offset` on, as their owners last gave them away or shared them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unsupported`] for a chain, [`Error::Io`].
    pub fn read_heap(&self, name: &str, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let state = &mut *self.shared.lock();
        let object = state.rules.heap_object(state.rules.heap_named(name)?)?;
        body(&mut state.bodies, object)?.storage().read_at(offset, bytes)
    }
}

/// Publishes a heap as `name`, with its storage.
pub(crate) fn publish(
    rules: &mut memctl_core::Domain,
    bodies: &mut Bodies,
    mode: Mode,
    name: &str,
    planned: Planned,
    options: HeapOptions,
) -> Result<(), Error> {
    match planned {
        Planned::Chain(heaps) => {
            let heaps: Vec<&str> = heaps.iter().map(String::as_str).collect();
            rules.publish_chain(name, &heaps, options).map(drop)
        }
        Planned::Heap(source) => {
            let has_contents = matches!(source.0, crate::source::From::Bytes(_));
            let (medium, body) = body_of(mode, source, Access::Write, rules.granule())?;
            let size = body.storage().size()?;
            let granule = rules.granule().bytes();
            let (id, adopted) = rules.publish_heap(name, medium, size - size % granule, options)?;
            if has_contents {
                rules.heap_has_contents(id);
            }
            crate::body::adopt(bodies, adopted, body);
            Ok(())
        }
    }
}
