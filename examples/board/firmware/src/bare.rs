//! The bare firmware: wasmtime and one guest on it, without partitions. With the feature `memory-control` there is that too: what it adds to flash and RAM is the
//! difference of the two.

#[cfg_attr(not(feature = "memory-control"), path = "bare/without.rs")]
mod control;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Error, Result, Store};

use self::control::{GUEST, Host, IMAGE, State};
use crate::console::say;
use crate::engine;
use crate::report::figure;
use crate::sys::arena;
use crate::wasi::{self, Run};

/// How often the guest runs, as `scenes.toml` says of the scene with its name.
const TURNS: u32 = 2;

/// Fuel for all turns.
const FUEL: u64 = 10_000_000;

/// Runs the guest.
///
/// # Errors
/// When wasmtime refuses it, or the guest says that it failed.
pub(crate) fn run() -> Result<()> {
    figure("embedded", IMAGE.len());
    let (host, of_host) = grown(Host::new);
    let host = host?;
    let (state, of_state) = grown(|| host.state());
    let mut config = engine::config()?;
    host.configure(&mut config)?;
    let engine = Engine::new(&config)?;
    let component: Component = IMAGE.load(&engine)?;
    let mut store = Store::try_new(&engine, state)?;
    store.set_fuel(FUEL)?;
    let mut linker = Linker::<State>::new(&engine);
    wasi::add_to_linker(&mut linker, |state| &mut state.table)?;
    let (added, of_linker) = grown(|| control::add_to_linker(&mut linker, &component));
    added?;
    control::attach(&mut store);
    let instance = linker.instantiate(&mut store, &component)?;
    let run = wasi::run_of(&instance, &mut store)?;
    // What instances need of it they have.
    let linked = arena::kernel_fill().now;
    drop(linker);
    let dropped = linked - arena::kernel_fill().now;
    say!("scene {GUEST} begins");
    let (ended, of_run) = arena::most_during(|| (0..TURNS).try_for_each(|_| turn(&mut store, &run)));
    say!("scene {GUEST} ends");
    for (name, bytes) in
        [("domain", of_host + of_state), ("linker", of_linker), ("linker-dropped", dropped), ("run", of_run)]
    {
        figure(name, bytes);
    }
    ended
}

/// Calls the guest once.
fn turn(store: &mut Store<State>, run: &Run) -> Result<()> {
    let (ended,) = run.call(store, ())?;
    ended.map_err(|()| Error::msg("the guest failed"))
}

/// Does something, and says how many bytes of the arena it took and kept.
fn grown<R>(act: impl FnOnce() -> R) -> (R, usize) {
    let before = arena::kernel_fill().now;
    let result = act();
    (result, arena::kernel_fill().now - before)
}
