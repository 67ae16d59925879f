//! A module as it is and instrumented, under wasmtime.

use memctl_core::{Bounds, Forbidden, Granule, Shield, Stopped, host_part};
use memctl_instrument::{Options, Table, instrument};
use wasmtime::{Config, Engine, Instance, Linker, Memory, Module, Store, Trap, Val};

pub(crate) fn engine() -> Engine {
    let mut config = Config::new();
    config
        .wasm_multi_memory(true)
        .wasm_memory64(true)
        .wasm_threads(true)
        .wasm_simd(true)
        .wasm_custom_page_sizes(true)
        .wasm_wide_arithmetic(true)
        .shared_memory(true);
    Engine::new(&config).expect("an engine")
}

fn bytes() -> Granule {
    Granule::new(1).expect("1 is a power of two")
}

pub(crate) fn declared(no_access: u64, read_only: u64) -> Options {
    Options {
        granule: bytes(),
        bounds: Some(Bounds { no_access, read_only }),
        table: Table::Never,
        ..Options::default()
    }
}

pub(crate) fn with_table() -> Options {
    Options { granule: bytes(), table: Table::Always, ..Options::default() }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<String>, Trap>,
    pub(crate) stopped: Option<Stopped>,
}

pub(crate) struct Run {
    store: Store<()>,
    instance: Instance,
}

impl Run {
    pub(crate) fn of(engine: &Engine, module: &Module) -> Self {
        let mut store = Store::new(engine, ());
        let mut linker = Linker::new(engine);
        linker.func_wrap("wasi:memory-control/protection@0.1.0", "refresh", || {}).expect("defined once");
        let instance = linker.instantiate(&mut store, module).expect("it instantiates");
        Self { store, instance }
    }

    pub(crate) fn instrumented(engine: &Engine, wasm: &[u8], options: &Options) -> Self {
        let wasm = instrument(wasm, options).expect("it can be instrumented").wasm;
        Self::of(engine, &Module::new(engine, wasm).expect("a valid module"))
    }

    fn shield(&mut self, memory: u32) -> Option<Memory> {
        self.instance.get_memory(&mut self.store, &format!("memctl:shield/{memory}"))
    }

    /// Writes the table, and lets the module load the hulls if it can.
    pub(crate) fn protect(&mut self, memory: u32, ranges: &[Forbidden]) {
        let (head, table) = host_part(ranges);
        let shield = self.shield(memory).expect("a shield");
        shield.write(&mut self.store, 44, &head).expect("in bounds");
        shield.write(&mut self.store, 128, &table).expect("in bounds");
        self.call("refresh", &[]).result.expect("it only calls the host");
    }

    pub(crate) fn call(&mut self, export: &str, params: &[Val]) -> Outcome {
        let function = self.instance.get_func(&mut self.store, export).expect("an export");
        let mut results = vec![Val::I32(0); function.ty(&self.store).results().len()];
        let result = match function.call(&mut self.store, params, &mut results) {
            Ok(()) => Ok(results.iter().map(|value| format!("{value:?}")).collect()),
            Err(error) => Err(*error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("not a trap: {error:?}"))),
        };
        Outcome { result, stopped: self.stopped() }
    }

    /// What was stopped since this was asked last.
    fn stopped(&mut self) -> Option<Stopped> {
        (0..4).find_map(|memory| {
            let shield = self.shield(memory)?;
            let stopped = Shield::stopped(shield.data(&self.store)[..128].try_into().expect("128 bytes"));
            shield.write(&mut self.store, 80, &[0; 16]).expect("in bounds");
            stopped
        })
    }

    pub(crate) fn bytes(&mut self, at: usize, len: usize) -> Vec<u8> {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("the memory");
        memory.data(&self.store)[at..at + len].to_vec()
    }
}
