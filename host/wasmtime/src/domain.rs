//! The domain, as embedders hold it: what is published, which backend, how much, and who is inside.

use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use memctl_core::sorted::Map;
use memctl_core::{Error, Granule, InstanceId, MemoryId, ObjectId, Quotas, Rights, Threads};
use wasmtime::Config;

use crate::attachment::Attachment;
use crate::body::{Bodies, Body, body};
use crate::buffer::Buffer;
use crate::builder::publish;
use crate::creator::Creator;
use crate::frames::Frames;
use crate::gate::{Gate, Ticket};
use crate::locks::{Guard, Mutex};
use crate::memories::{ById, Memories, Used, id_of};
use crate::mmu::FileObject;
use crate::mover::Mover;
use crate::place::Place;
use crate::presence::Presence;
use crate::stats::Stats;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::twins::Twins;
use crate::unsettled::Unsettled;
use crate::waiting::Bells;
use crate::{DomainBuilder, MemctlCtxBuilder, Source};

/// How windows show objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `alias` for memories that the domain made (see [`Domain::configure`]) in attached stores, `copy` for all others.
    #[default]
    Auto,
    /// `alias`, or the guest is told `unsupported`.
    Alias,
    /// `copy`, as on a machine without an MMU.
    Copy,
}

/// The set of guests that may share objects. Cheap to clone; all clones are one domain.
#[derive(Clone)]
pub struct Domain {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones and all guests of a domain have in common.
pub(crate) struct Shared {
    pub(crate) mode: Mode,
    pub(crate) guest_quotas: Quotas,
    pub(crate) files: bool,
    pub(crate) threads: Threads,
    pub(crate) audited: bool,
    pub(crate) advisory: bool,
    pub(crate) isolated: bool,
    pub(crate) gate: Gate,
    pub(crate) made: Arc<Memories>,
    /// Whether calls on files matter to any mapping.
    pub(crate) hears: AtomicBool,
    state: Mutex<State>,
}

/// Where each guest is, if that matters.
pub(crate) type Presences = Map<InstanceId, Arc<Whereabouts>>;

/// Where one guest is.
#[derive(Debug, Default)]
pub(crate) struct Whereabouts {
    pub(crate) presence: Presence,
    pub(crate) frames: Frames,
    pub(crate) unsettled: Unsettled,
}

/// What changes, under the domain's lock.
pub(crate) struct State {
    pub(crate) rules: memctl_core::Domain,
    pub(crate) bodies: Bodies,
    pub(crate) memories: ById,
    inside: Map<u64, InstanceId>,
    presences: Presences,
    twins: Twins,
    bells: Bells,
    stats: Stats,
}

impl Domain {
    /// Starts describing a domain.
    #[must_use]
    pub fn builder() -> DomainBuilder {
        DomainBuilder::default()
    }

    /// Makes the domain's memories the memories of every engine made with `config`: only those can be aliased, and only in those
    /// can mappings be `automatic`. Sets [`Config::with_host_memory`], switches [`Config::memory_init_cow`] off, and puts the
    /// fault handler in place, which it should before the first [`Engine`](wasmtime::Engine) of the process is made.
    ///
    /// With [`Mode::Copy`], windows that are extra memories show anonymous objects in place, without copying, if the engine neither reserves nor guards memory
    /// (`memory_reservation(0)`, `memory_guard_size(0)`), lets it move (`memory_may_move(true)`, as it does unless told otherwise) and has no signals
    /// (`signals_based_traps(false)`) or interprets. Call this for each configuration that differs in these.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] or [`Error::Io`] if the fault handler can't be put in place.
    pub fn configure(&self, config: &mut Config) -> Result<(), Error> {
        static CONFIGS: AtomicU64 = AtomicU64::new(0);
        crate::mmu::install()?;
        config.with_host_memory(Arc::new(Creator {
            made: self.shared.made.clone(),
            domain: Arc::downgrade(&self.shared),
            config: CONFIGS.fetch_add(1, Ordering::Relaxed),
        }));
        config.memory_init_cow(false);
        Ok(())
    }

    /// Starts describing the context of one more guest.
    #[must_use]
    pub fn context(&self) -> MemctlCtxBuilder {
        MemctlCtxBuilder::new(self.clone())
    }

    /// Publishes an object to all guests under `name`, with `rights`. It lives as long as the domain.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the name is taken or the file can't be mapped, [`Error::OutOfMemory`], [`Error::Io`].
    pub fn publish(&self, name: &str, source: Source, rights: Rights) -> Result<(), Error> {
        let state = &mut *self.shared.lock();
        publish(&mut state.rules, &mut state.bodies, self.shared.mode, name, source, rights)
    }

    /// The length in bytes of the object published as `name`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`].
    pub fn object_size(&self, name: &str) -> Result<u64, Error> {
        let state = &mut *self.shared.lock();
        let object = state.rules.named(name)?;
        body(&mut state.bodies, object)?.storage().size()
    }

    /// Copies bytes of the object published as `name` from `offset` on, as its guests last left them. Past its end are zeros.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`]; [`Error::Busy`] while somebody has a lease to write any of it, or a guest that shares it is
    /// running on another thread.
    pub fn read_object(&self, name: &str, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.shared.with_named(name, |rules, object, mover| {
            rules.about_to_read(mover, object)?;
            body(mover.bodies, object)?.storage().read_at(offset, bytes)
        })
    }

    /// Copies `bytes` into the object published as `name`. Guests see them when they next run. Bytes past its end are dropped.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Access`] if it is a read-only file, [`Error::Io`]; [`Error::Busy`] while somebody has a lease on any of it, or a guest that shares it,
    /// or that has a snapshot of it which was not copied yet, is running on another thread.
    pub fn write_object(&self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.shared.with_named(name, |rules, object, mover| {
            rules.about_to_write(mover, object)?;
            body(mover.bodies, object)?.storage_mut().write_at(offset, bytes)
        })
    }

    /// The names that objects are published under, in order.
    #[must_use]
    pub fn object_names(&self) -> Vec<String> {
        self.shared.lock().rules.names().map(String::from).collect()
    }

    /// What the domain's guests cost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats
    }

    /// What all guests together use now.
    #[must_use]
    pub fn usage(&self) -> Quotas {
        self.shared.lock().rules.total_usage()
    }
}

impl core::fmt::Debug for Domain {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Domain").field("mode", &self.shared.mode).finish_non_exhaustive()
    }
}

impl Shared {
    /// A domain with nobody in it.
    pub(crate) fn new(
        mode: Mode,
        guest_quotas: Quotas,
        files: bool,
        (threads, audited, advisory, isolated): (Threads, bool, bool, bool),
        rules: memctl_core::Domain,
        bodies: Bodies,
    ) -> Self {
        Self {
            mode,
            guest_quotas,
            files,
            threads,
            audited,
            advisory,
            isolated,
            gate: Gate::default(),
            made: Arc::new(Memories::default()),
            hears: AtomicBool::new(false),
            state: Mutex::new(State {
                rules,
                bodies,
                memories: ById::new(),
                inside: Map::new(),
                presences: Presences::new(),
                twins: Twins::default(),
                bells: Bells::new(),
                stats: Stats::default(),
            }),
        }
    }

    /// The domain's lock. A panic under it can't leave the tables half changed in a way that matters to another guest.
    pub(crate) fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// Runs one call into the domain. Whoever was inside last looks again afterwards.
    pub(crate) fn call<R>(
        &self,
        place: Option<Place<'_>>,
        attachment: Attachment,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>) -> R,
    ) -> R {
        once(then, |act| self.call_with(place, attachment, act))
    }

    /// [`Shared::call`], in the program once for all that can be called.
    fn call_with(&self, place: Option<Place<'_>>, attachment: Attachment, act: &mut Act<'_>) {
        let state = &mut *self.lock();
        if let Some(Place::Known(memory)) = &place {
            // Looked for once: calls that map are many.
            let used = state.memories.entry(id_of(memory)).or_insert_with(|| Used {
                memory: memory.clone(),
                base: self.made.base_of(memory),
                attachment,
                shield: self.made.shield_of(memory),
            });
            used.attachment = attachment;
        }
        let running = self.gate.disturb().and_then(|ticket| state.inside.get(&ticket.bits()).copied());
        state.call_with(self, place, attachment, running, act);
    }

    /// As [`Shared::call`], for calls that reach no guest's memory but the caller's, and change nothing that automatic mappings show: whoever was inside last
    /// comes in again as if nothing had happened.
    pub(crate) fn call_beside<R>(
        &self,
        attachment: Attachment,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>) -> R,
    ) -> R {
        self.lock().call(self, None, attachment, None, then)
    }

    fn with_named<R>(
        &self,
        name: &str,
        then: impl FnOnce(&mut memctl_core::Domain, ObjectId, &mut Mover<'_>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        self.call(None, Attachment::None, |rules, mover| {
            let object = rules.named(name)?;
            mover.check_free(rules, object)?;
            then(rules, object, mover)
        })
    }

    /// A memory is about to be dropped: windows in it go first.
    pub(crate) fn memory_gone(&self, memory: MemoryId) {
        if self.lock().memories.contains_key(&memory) {
            self.call(None, Attachment::None, |rules, mover| rules.memory_gone(mover, memory));
            self.lock().memories.remove(&memory);
        }
    }

    /// Whether leased windows that alias can't be touched outside leases.
    pub(crate) fn guards(&self) -> bool {
        self.audited || self.threads != Threads::One
    }

    pub(crate) fn admit(&self, ticket: Ticket, limits: Quotas, whereabouts: Arc<Whereabouts>) -> InstanceId {
        let mut state = self.lock();
        let instance = state.rules.begin(limits);
        state.inside.insert(ticket.bits(), instance);
        state.presences.insert(instance, whereabouts);
        instance
    }
}

impl State {
    /// Host code that takes leases; only the domain's quotas bound it.
    pub(crate) fn admit_device(&mut self) -> InstanceId {
        self.rules.begin(Quotas {
            objects: u32::MAX,
            object_bytes: u64::MAX,
            mappings: u32::MAX,
            mapped_bytes: u64::MAX,
            leases: u32::MAX,
            waiters: u32::MAX,
            protected_ranges: u32::MAX,
            blocks: u32::MAX,
            block_bytes: u64::MAX,
        })
    }

    /// A guest that was admitted has ended.
    pub(crate) fn dismiss(&mut self, ticket: Ticket, instance: InstanceId) {
        self.inside.remove(&ticket.bits());
        self.presences.remove(&instance);
    }

    /// Runs one call into the domain.
    pub(crate) fn call<R>(
        &mut self,
        shared: &Shared,
        place: Option<Place<'_>>,
        attachment: Attachment,
        running: Option<InstanceId>,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>) -> R,
    ) -> R {
        once(then, |act| self.call_with(shared, place, attachment, running, act))
    }

    fn call_with(
        &mut self,
        shared: &Shared,
        place: Option<Place<'_>>,
        attachment: Attachment,
        running: Option<InstanceId>,
        act: &mut Act<'_>,
    ) {
        let Self { rules, bodies, memories, presences, twins, bells, stats, .. } = self;
        act(rules, &mut Mover { shared, bodies, memories, presences, twins, bells, stats, place, attachment, running });
        shared.hears.store(rules.has_shared_files(), Ordering::Relaxed);
        for waiter in rules.take_woken() {
            if let Some(bell) = bells.get(&waiter) {
                bell.ring();
            }
        }
    }
}

/// What a call does in the domain.
type Act<'a> = dyn FnMut(&mut memctl_core::Domain, &mut Mover<'_>) + 'a;

/// Has `act` done by `call`, which calls it once.
fn once<R>(act: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>) -> R, call: impl FnOnce(&mut Act<'_>)) -> R {
    let (mut act, mut answer) = (Some(act), None);
    call(&mut |rules, mover| answer = act.take().map(|act| act(rules, mover)));
    answer.expect("a call is made")
}

/// The domain that a memory belongs to, if it still exists.
pub(crate) type WeakDomain = Weak<Shared>;

/// New storage of `size` zero bytes.
pub(crate) fn new_body(mode: Mode, size: u64, granule: Granule) -> Result<Body, Error> {
    Ok(match mode {
        Mode::Copy => Body::Heap(Buffer::new(size, granule)?),
        Mode::Auto | Mode::Alias => Body::File(FileObject::anonymous(size)?),
    })
}
