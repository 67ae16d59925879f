//! Engines that run guests, one for each way in which accesses are kept inside the memory.

use std::sync::{Arc, LazyLock};

use wasmtime::{Config, Engine};

use crate::sys::Reserving;

/// A way to run a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Cranelift, in memories that memctl-alias reserves, whose host pages can be protected.
    Hardware,
    /// Cranelift, with wasmtime's own guard pages.
    Guarded,
    /// Cranelift, without signals: each access is compared with the memory's size.
    Explicit,
    /// The interpreter, without signals.
    Pulley,
}

impl Runs {
    /// Those where protection is software.
    pub const SOFTWARE: [Self; 3] = [Self::Guarded, Self::Explicit, Self::Pulley];

    /// Whether it knows atomic instructions. Wasmtime 48 refuses them on Pulley.
    #[must_use]
    pub fn has_atomics(self) -> bool {
        self != Self::Pulley
    }

    /// The engine, which all tests of the process share.
    #[must_use]
    pub fn engine(self) -> &'static Engine {
        static HARDWARE: LazyLock<Engine> = LazyLock::new(|| make(Runs::Hardware));
        static GUARDED: LazyLock<Engine> = LazyLock::new(|| make(Runs::Guarded));
        static EXPLICIT: LazyLock<Engine> = LazyLock::new(|| make(Runs::Explicit));
        static PULLEY: LazyLock<Engine> = LazyLock::new(|| make(Runs::Pulley));
        match self {
            Self::Hardware => &HARDWARE,
            Self::Guarded => &GUARDED,
            Self::Explicit => &EXPLICIT,
            Self::Pulley => &PULLEY,
        }
    }
}

fn make(runs: Runs) -> Engine {
    // Before the first engine of the process, whichever it is.
    memctl_alias::install().expect("the fault handler is in place");
    let mut config = Config::new();
    config
        .wasm_memory64(true)
        .wasm_multi_memory(true)
        .wasm_threads(runs.has_atomics())
        .shared_memory(runs.has_atomics());
    config.wasm_custom_page_sizes(true).wasm_wide_arithmetic(true);
    config.wasm_backtrace_max_frames(None);
    // Thousands of small modules: each would compile on all processors.
    config.parallel_compilation(false);
    match runs {
        Runs::Hardware => {
            config.with_host_memory(Arc::new(Reserving)).memory_init_cow(false);
        }
        Runs::Guarded => {}
        Runs::Explicit => {
            config.signals_based_traps(false);
        }
        Runs::Pulley => {
            config.target("pulley64").expect("a target").signals_based_traps(false);
        }
    }
    Engine::new(&config).expect("an engine")
}
