//! An instrumented component, its host, and what its shields say.

use memctl_core::{Bounds, Forbidden, Shield, Span, Stopped, host_part};
use memctl_instrument::{Options, Table, instrument};
use wasmtime::component::{Component, Instance, Linker, Val};
use wasmtime::{Config, Engine, Store};

use crate::sys::{Memories, Shared};

/// Below 4096 nothing can be touched, below 8192 nothing can be stored to.
pub(crate) const BOUNDS: Bounds = Bounds { no_access: 4096, read_only: 8192 };

pub(crate) fn options(table: Table) -> Options {
    Options { table, bounds: Some(BOUNDS), ..Options::default() }
}

pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A program that runs.
pub(crate) struct World {
    store: Store<()>,
    instance: Instance,
    memories: Memories,
}

/// How a call ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    Returned(Vec<Val>),
    Stopped(Stopped),
    Trapped(String),
}

impl Ended {
    pub(crate) fn load(address: u64) -> Self {
        Self::Stopped(Stopped { count: 1, address, write: false })
    }

    pub(crate) fn store(address: u64) -> Self {
        Self::Stopped(Stopped { count: 1, address, write: true })
    }
}

impl World {
    /// Instruments and starts `text`. `host` defines its imports; it is given the memories, which fill later.
    pub(crate) fn start(text: &str, options: &Options, host: impl FnOnce(&mut Linker<()>, &Memories)) -> Self {
        let outcome = instrument(&wasm(text), options).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let memories = Memories::default();
        let mut config = Config::new();
        config.with_host_memory(std::sync::Arc::new(memories.clone()));
        config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0).memory_init_cow(false);
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, &outcome.wasm).unwrap();
        let mut linker = Linker::new(&engine);
        host(&mut linker, &memories);
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &component).unwrap();
        Self { store, instance, memories }
    }

    pub(crate) fn call(&mut self, export: &str, params: &[Val]) -> Ended {
        let function = self.instance.get_func(&mut self.store, export).expect("the export is there");
        let mut results = vec![Val::Bool(false); function.ty(&self.store).results().len()];
        let Err(error) = function.call(&mut self.store, params, &mut results) else {
            return Ended::Returned(results);
        };
        match shields(&self.memories).find_map(|shield| Shield::stopped(&shield.read::<128>(0))) {
            Some(stopped) => {
                let trap = error.downcast_ref::<wasmtime::Trap>();
                assert_eq!(trap, Some(&wasmtime::Trap::MemoryOutOfBounds), "{error:?}");
                Ended::Stopped(stopped)
            }
            None => Ended::Trapped(format!("{error:?}")),
        }
    }

    pub(crate) fn protect(&self, ranges: &[(u64, u64, bool)]) {
        protect(&self.memories, ranges);
    }
}

fn shields(memories: &Memories) -> impl Iterator<Item = Shared> {
    let all = memories.0.lock().expect("no test panics with the lock").clone();
    all.into_iter().filter(|memory| memory.read::<8>(0) == Shield::MAGIC)
}

/// Protects ranges: start, length, and whether bytes can be loaded there.
pub(crate) fn protect(memories: &Memories, ranges: &[(u64, u64, bool)]) {
    let span = |start, len| Span::claim("a range", start, len).expect("no wrap");
    let ranges: Vec<_> = ranges
        .iter()
        .map(|(start, len, readable)| Forbidden { span: span(*start, *len), readable: *readable })
        .collect();
    let (head, table) = host_part(&ranges);
    let shield = shields(memories).next().expect("there is a shield");
    shield.write(44, &head);
    shield.write(128, &table);
}
