//! One guest in a store of its own, and what the host does while it waits.

use memctl_model::{Answer, Looks, Outcome, Range, Step, World as _};
use memctl_wasmtime::{MemctlCtx, MemctlCtxView, MemctlView};
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::house::House;
use crate::wire;

pub(crate) mod bindings {
    //! The exports of the stepper.

    wasmtime::component::bindgen!({
        path: ["../wit", "guests/stepper/wit"],
        world: "memctl:stepper/stepper",
        with: {
            "wasi:memory-control/object.object": memctl_wasmtime::Object,
            "wasi:memory-control/mapping.mapping": memctl_wasmtime::Mapping,
            "wasi:memory-control/mapping.lease": memctl_wasmtime::Lease,
            "wasi:filesystem/types": wasmtime_wasi::p2::bindings::sync::filesystem::types,
            "wasi:filesystem/preopens": wasmtime_wasi::p2::bindings::sync::filesystem::preopens,
            "wasi:io": wasmtime_wasi::p2::bindings::sync::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        },
    });
}

pub(crate) use bindings::{Stepper, StepperPre};

/// What the host does while a guest waits, with all that it needs.
pub(crate) struct Errand {
    pub(crate) house: House,
    pub(crate) step: Option<Step>,
    pub(crate) looks: Looks,
    pub(crate) outcome: Option<Outcome>,
}

/// The store's data.
pub(crate) struct State {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) memctl: MemctlCtx,
    pub(crate) errand: Option<Errand>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

/// Defines what the stepper imports beside WASI and memory control.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.instance("memctl:stepper/host@0.1.0")?.func_wrap("meanwhile", |mut store, ()| {
        let state: &mut State = store.data_mut();
        if let Some(errand) = &mut state.errand
            && let Some(step) = errand.step.take()
        {
            errand.outcome = Some(errand.house.perform(&step, &errand.looks));
        }
        Ok(())
    })
}

/// One guest.
pub(crate) struct Guest {
    pub(crate) store: Store<State>,
    pub(crate) bindings: Stepper,
}

impl Guest {
    /// Does something, and looks. The second value is what was seen.
    pub(crate) fn step(&mut self, act: &memctl_model::Act, looks: &[Range]) -> (Answer, u64) {
        let (act, looks) = (wire::act(act), wire::ranges(looks));
        match self.bindings.memctl_stepper_steps().call_step(&mut self.store, &act, &looks) {
            Ok(answer) => (Answer::from(answer.gave.map_err(wire::code)), answer.seen),
            Err(_) => (Answer::Trapped, 0),
        }
    }

    pub(crate) fn load(&mut self, (start, len): Range) -> Result<Vec<u8>> {
        self.bindings.memctl_stepper_steps().call_load(&mut self.store, wire::Range { start, len })
    }
}
