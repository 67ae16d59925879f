//! What a store's data holds for memory control: the context, its builder and the view trait, in the manner of wasmtime-wasi.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use memctl_core::{HeapRights, Quotas};
use wasmtime::component::ResourceTable;
use wasmtime::{CallHook, Engine, Store};

use crate::Domain;
use crate::error::{Cause, Violation};
use crate::guest::Guest;
#[cfg(feature = "std")]
use crate::handles::Handles;
#[cfg(feature = "std")]
use crate::tickets::Tickets;

/// One guest's membership of a [`Domain`]. Lives in the store's data; when it is dropped with the store, the guest's mappings
/// go, its leases are revoked and its handles are closed.
pub struct MemctlCtx {
    pub(crate) guest: Arc<Guest>,
    #[cfg(feature = "std")]
    pub(crate) tickets: Tickets,
    /// Handles of core modules, which have no resource table of their own.
    #[cfg(feature = "std")]
    pub(crate) handles: Handles,
}

/// Makes a [`MemctlCtx`].
pub struct MemctlCtxBuilder {
    domain: Domain,
    quotas: Option<Quotas>,
    pub(crate) name: Option<String>,
    pub(crate) heap_rights: Vec<(String, HeapRights)>,
}

impl MemctlCtxBuilder {
    pub(crate) fn new(domain: Domain) -> Self {
        Self { domain, quotas: None, name: None, heap_rights: Vec::new() }
    }

    /// What this guest may use; the domain's [`guest_quotas`](crate::DomainBuilder::guest_quotas) unless said otherwise.
    #[must_use]
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = Some(quotas);
        self
    }

    /// The context. The guest counts as one of the domain's from now on.
    #[must_use]
    pub fn build(self) -> MemctlCtx {
        let shared = self.domain.shared;
        let limits = self.quotas.unwrap_or(shared.guest_quotas);
        let guest = Guest::new(shared, limits);
        crate::memories::note_guest();
        {
            let rules = &mut guest.shared.lock().rules;
            if let Some(name) = self.name {
                rules.name_instance(guest.instance, &name);
            }
            for (heap, rights) in self.heap_rights {
                rules.set_heap_rights(guest.instance, &heap, rights);
            }
        }
        MemctlCtx {
            guest,
            #[cfg(feature = "std")]
            tickets: Tickets::default(),
            #[cfg(feature = "std")]
            handles: Handles::default(),
        }
    }
}

impl MemctlCtx {
    /// What this guest uses of its quotas.
    #[must_use]
    pub fn usage(&self) -> Quotas {
        self.guest.usage()
    }

    /// The last bad page that the guest touched, or host code that acted for it: why it was trapped, if that was about memory.
    #[must_use]
    pub fn last_fault(&self) -> Option<Cause> {
        self.guest.last_fault()
    }

    /// Whether the guest may run on: not if it was trapped on the domain's account, or will be when it is next entered.
    ///
    /// Results of a guest's export are lifted after control came back. If that touched a page that is gone, or that the guest has no right to, and the
    /// export has no post-return function, no crossing is left to tell: the host got zeros. Ask here before using results of guests that may mean harm.
    ///
    /// # Errors
    /// What the guest did.
    pub fn check(&self) -> Result<(), Violation> {
        self.guest.check_faults()
    }

    /// Ends the guest now rather than with its store, after a trap for instance: its mappings go, its leases are revoked and its handles are
    /// closed. What it asks for afterwards is answered with `stale`.
    pub fn end(&mut self) {
        self.guest.end();
    }

    /// What [`attach`] does at each crossing, for embedders with a call hook of their own, who call [`note_faults`](crate::note_faults) too: return its error, and call it first when the
    /// host is entered and last when the guest is, so that it isn't told of an entry that the hook then refuses. `engine` is the store's.
    pub fn crossing(&self, engine: &Engine) -> impl Fn(CallHook) -> Result<(), Violation> + Send + Sync + 'static {
        let guest = self.guest.clone();
        guest.attach(engine);
        move |hook| guest.crossing(hook)
    }
}

impl Drop for MemctlCtx {
    fn drop(&mut self) {
        self.guest.end();
    }
}

/// Lends the context and the table that the guest's resources are in.
///
/// ```
/// use memctl_wasmtime::{MemctlCtx, MemctlCtxView, MemctlView};
/// use wasmtime::component::ResourceTable;
///
/// struct State {
///     memctl: MemctlCtx,
///     table: ResourceTable,
/// }
///
/// impl MemctlView for State {
///     fn memctl(&mut self) -> MemctlCtxView<'_> {
///         MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
///     }
/// }
/// ```
pub trait MemctlView: Send {
    /// The guest's context and table.
    fn memctl(&mut self) -> MemctlCtxView<'_>;
}

/// What [`MemctlView::memctl`] lends.
pub struct MemctlCtxView<'a> {
    /// The guest's membership of its domain.
    pub ctx: &'a mut MemctlCtx,
    /// The guest's resources; may be the table that wasmtime-wasi uses.
    pub table: &'a mut ResourceTable,
}

/// Lets the domain see the store's crossings between guest and host, and its faults. Without it nothing is aliased and no mapping is `automatic`.
/// Takes the store's [call hook](Store::call_hook) and its [signal handler](wasmtime::unix::StoreExt::set_signal_handler); an embedder that needs the
/// hook uses [`MemctlCtx::crossing`] and [`note_faults`](crate::note_faults) instead.
pub fn attach<T: MemctlView>(store: &mut Store<T>) {
    let engine = store.engine().clone();
    let crossing = store.data_mut().memctl().ctx.crossing(&engine);
    store.call_hook(move |_, hook| Ok(crossing(hook)?));
    #[cfg(feature = "std")]
    crate::note_faults(store);
}
