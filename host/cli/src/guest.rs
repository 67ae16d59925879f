//! A program in a store of its own: it begins, takes turns, and begins anew after one that ended it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memctl_wasmtime::{Cause, FaultKind, MemctlCtx, MemctlCtxView, MemctlView, StaticProtection, Violation};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::bindings::sync::{Command, CommandPre};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::host::Leases;
use crate::program::Program;

/// How a program ended, or a turn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It returned, or asked to exit.
    Exit(i32),
    /// It trapped.
    Trap {
        /// The trap in one line, without the backtrace.
        cause: String,
        /// All that is known, with the wasm backtrace.
        report: String,
    },
}

/// A turn that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The program's file, without directories.
    pub program: String,
    /// Which of the program's turns, counted from 1.
    pub number: u32,
    /// How it ended.
    pub ending: Ending,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memctl: MemctlCtx,
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

/// A compiled program, and its instance while it has one.
pub(crate) struct Guest<'p> {
    program: &'p Program,
    ready: CommandPre<State>,
    protection: StaticProtection,
    // None before its first turn, and after one that ended it.
    instance: Option<(Store<State>, Command)>,
}

impl<'p> Guest<'p> {
    /// Compiles it.
    ///
    /// # Errors
    /// It isn't valid, or needs something that memctl doesn't have.
    pub(crate) fn compile(engine: &Engine, program: &'p Program) -> Result<Self> {
        let shown = program.path().display();
        let component = Component::from_binary(engine, program.component())
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{shown}: can't compile it"))?;
        let protection = StaticProtection::of(program.component())
            .with_context(|| format!("{shown}: can't tell what it declares"))?;
        let mut linker = Linker::<State>::new(engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        memctl_wasmtime::add_to_linker_sync(&mut linker)?;
        let ready =
            linker.instantiate_pre(&component).and_then(CommandPre::new).map_err(anyhow::Error::from).with_context(
                || {
                    format!(
                        "{shown}: not a command that memctl can run (wasi:cli/run, WASI 0.2 and memory-control imports)"
                    )
                },
            )?;
        Ok(Self { program, ready, protection, instance: None })
    }

    /// The program's file, without directories.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        self.program.name()
    }

    /// Calls it once more, and tells how that went and how long it took. What trapped or asked to exit is gone when this returns, with its mappings
    /// and leases; its next turn begins anew, with what `begin` gives.
    ///
    /// # Errors
    /// Those of `begin`.
    pub(crate) fn turn(
        &mut self,
        leases: Leases,
        begin: impl FnOnce() -> Result<(WasiCtx, MemctlCtx)>,
    ) -> Result<(Ending, Duration)> {
        let Self { ready, protection, instance, .. } = self;
        let (mut store, command) = match instance.take() {
            Some((store, command)) => (store, Some(command)),
            None => {
                let (wasi, memctl) = begin()?;
                let mut store = Store::new(ready.engine(), State { wasi, table: ResourceTable::new(), memctl });
                memctl_wasmtime::attach(&mut store);
                (store, None)
            }
        };
        let start = Instant::now();
        let command = match command {
            Some(command) => Ok(command),
            None => memctl_wasmtime::instantiate(&mut store, protection, |store| ready.instantiate(store)),
        };
        let result = command.and_then(|command| Ok((command.wasi_cli_run().call_run(&mut store)?, command)));
        let time = start.elapsed();
        let ending = match result {
            Ok((answer, command)) => {
                *instance = Some((store, command));
                Ending::Exit(i32::from(answer.is_err()))
            }
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => Ending::Exit(exit.0),
                None => trap(&error, leases, store.data_mut().memctl().ctx.last_fault()),
            },
        };
        Ok((ending, time))
    }
}

/// What is known about a trap. wasmtime's own `{:?}` would add a backtrace of this program.
fn trap(error: &wasmtime::Error, leases: Leases, fault: Option<Cause>) -> Ending {
    let mut chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    // The first link says where, with the wasm backtrace; the others say why.
    let mut causes = 1;
    // Compiled code traps by itself: then the engine doesn't know why. The first fault of several is the one that the chain tells.
    if let Some(fault) = fault
        && error.downcast_ref::<Violation>().is_none()
    {
        // The engine words it as hardware or a check told it: what is stopped is the same.
        causes = chain.len();
        chain.push(format!("memory-control: {fault}"));
    }
    if leases == Leases::Audited && fault.is_some_and(|fault| fault.kind == FaultKind::Protection) {
        chain.push(String::from(
            "under --audit a leased window can be touched only while a guard on that part of it is alive",
        ));
    }
    let cause = if chain.len() > causes { chain[causes..].join(": ") } else { chain.concat() };
    Ending::Trap { cause, report: chain.join("\n\nCaused by: ") }
}
