//! A guest in its partition: an engine, a store and a component of its own, and what it sees of the firmware.

use alloc::boxed::Box;

use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{CallHook, Engine, Result, Store};

use crate::functions::OfGuests;
use crate::sys::image::Image;
use crate::sys::machine::privilege;
use crate::sys::partition;
use crate::wasi::{self, Run};
use crate::{engine, shown, tracking};

/// What a guest may use before it is trapped, in the engine's units: some ten per instruction are plenty for a turn.
const FUEL: u64 = 50_000_000;

/// Guests that poke import this: where, and what there is.
pub(crate) type Targets = [usize; 4];

/// A guest that can take turns.
pub(crate) struct Tenant {
    store: Store<State>,
    run: Run,
}

struct State {
    table: ResourceTable,
    memctl: MemctlCtx,
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Well.
    Done,
    /// The guest says that it failed.
    Failed,
    /// It trapped: for an access that its checks stopped, with its address.
    Trapped(Option<u64>),
}

impl Tenant {
    /// A guest of the domain. Everything but `memctl`, which the kernel made, is allocated in the partition that runs.
    ///
    /// # Errors
    /// The image or an import doesn't fit the firmware, or RAM is short.
    pub(crate) fn new(domain: &Domain, memctl: MemctlCtx, image: Image, targets: Targets) -> Result<Box<Self>> {
        let mut config = engine::config()?;
        domain.configure(&mut config)?;
        let engine = Engine::new(&config)?;
        let component = image.load(&engine)?;
        let crossing = memctl.crossing(&engine);
        let mut store = Store::try_new(&engine, State { table: ResourceTable::new(), memctl })?;
        store.call_hook(move |_, hook| {
            match hook {
                CallHook::CallingHost | CallHook::ReturningFromWasm => {
                    let _level = privilege::raise();
                    tell(&crossing, hook)?;
                }
                CallHook::CallingWasm | CallHook::ReturningFromHost => {
                    if matches!(hook, CallHook::ReturningFromHost) {
                        tracking::host_may_have_stored();
                    }
                    tell(&crossing, hook)?;
                    shown::bring_up_to_date()?;
                    privilege::lower();
                }
            }
            Ok(())
        });
        let mut linker = Linker::<State>::new(&engine);
        memctl_wasmtime::add_imports_to_linker_sync::<_, OfGuests>(&mut linker, &component)?;
        wasi::add_to_linker(&mut linker, |state| &mut state.table)?;
        linker.instance("memctl:board/test")?.func_wrap("poke", move |_, (target,): (u32,)| {
            partition::poke(targets[target as usize % targets.len()]);
            Ok(())
        })?;
        store.set_fuel(FUEL)?;
        let instance = linker.instantiate(&mut store, &component)?;
        let run = wasi::run_of(&instance, &mut store)?;
        Ok(Box::new(Self { store, run }))
    }

    /// Calls the guest once.
    pub(crate) fn turn(&mut self) -> Turn {
        let called = self.store.set_fuel(FUEL).and_then(|()| self.run.call(&mut self.store, ()));
        match called {
            Ok((Ok(()),)) => Turn::Done,
            Ok((Err(()),)) => Turn::Failed,
            Err(_) => Turn::Trapped(self.store.data().memctl.last_fault().map(|fault| fault.address)),
        }
    }
}

/// Tells the domain that control passes.
fn tell(
    crossing: &impl Fn(CallHook) -> core::result::Result<(), memctl_wasmtime::Violation>,
    hook: CallHook,
) -> Result<()> {
    if cfg!(feature = "mutate-publish") {
        return Ok(());
    }
    Ok(crossing(hook)?)
}
