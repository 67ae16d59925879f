//! Directories that a guest writes itself.

use memctl_core::Directory;
use memctl_tests::BACKENDS;
use memctl_wasmtime::{Code, Domain, MemctlCtx, Rights, Source, add_to_core_linker_sync};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Val};

/// A module with a memory that is its own directory, as `directory` says; and one before it, its memory 0. It asks for what windows it has.
fn forger(directory: &Directory) -> String {
    let bytes: String = directory.to_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module
        (import "wasi:memory-control/window@0.1.0-draft" "count" (func $count (param i32 i32) (result i32)))
        (import "wasi:memory-control/window@0.1.0-draft" "size" (func $size (param i32 i32 i32 i32)))
        (import "wasi:memory-control/object@0.1.0-draft" "[static]object.open" (func $open (param i32 i32 i32)))
        (import "wasi:memory-control/window@0.1.0-draft" "bind"
            (func $bind (param i32 i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
        (memory (export "memory") 2)
        (memory (export "directory") 1)
        (data (memory 1) (i32.const 0) "{bytes}")
        (data (memory 0) (i32.const 0) "object")
        (func (export "count") (result i32) (call $count (i32.const 0) (i32.const 0)))
        (func (export "bind") (param $window i32) (result i32)
            (call $open (i32.const 0) (i32.const 6) (i32.const 16))
            (call $bind (i32.const 0) (i32.const 0) (local.get $window) (i64.const 0) (i64.const 4096)
                (i32.load (i32.const 20)) (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 32))
            (if (result i32) (i32.load8_u (i32.const 32)) (then (i32.load8_u (i32.const 36))) (else (i32.const -1)))))"#
    )
}

/// A guest that has nothing to do with windows, and two pages of sevens.
const VICTIM: &str = r#"(module
    (import "wasi:memory-control/window@0.1.0-draft" "count" (func $count (param i32 i32) (result i32)))
    (memory (export "memory") 2)
    (func (export "fill") (memory.fill (i32.const 0) (i32.const 7) (i32.const 131072)))
    (func (export "count") (result i32) (call $count (i32.const 0) (i32.const 0))))"#;

struct House {
    domain: Domain,
    engine: Engine,
    linker: Linker<MemctlCtx>,
}

struct Guest {
    store: Store<MemctlCtx>,
    instance: Instance,
}

impl House {
    fn new(mode: memctl_wasmtime::Mode) -> Self {
        let object = Source::anonymous(4096);
        let domain = Domain::builder().mode(mode).object("object", object, Rights::all()).build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("the engine can be made");
        let mut linker: Linker<MemctlCtx> = Linker::new(&engine);
        add_to_core_linker_sync(&mut linker, |ctx| ctx).expect("links");
        Self { domain, engine, linker }
    }

    fn guest(&self, wat: &str) -> Guest {
        let module = Module::new(&self.engine, wat).expect("compiles");
        let mut store = Store::new(&self.engine, self.domain.context().build());
        let crossing = store.data().crossing(store.engine());
        store.call_hook(move |_, hook| Ok(crossing(hook)?));
        let instance = self.linker.instantiate(&mut store, &module).expect("instantiates");
        Guest { store, instance }
    }
}

impl Guest {
    fn call(&mut self, name: &str, arguments: &[Val]) -> Option<i32> {
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, arguments, &mut results).expect("does not trap");
        results.first().and_then(Val::i32)
    }

    fn memory(&mut self) -> Vec<u8> {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("exported");
        memory.data(&self.store).to_vec()
    }
}

#[test]
fn a_directory_that_names_an_earlier_guest_s_memory_is_none() {
    for mode in BACKENDS {
        for distance in 2..8 {
            let house = House::new(mode);
            let mut victims: Vec<Guest> = (0..4).map(|_| house.guest(VICTIM)).collect();
            for victim in &mut victims {
                victim.call("fill", &[]);
            }
            let mut forger = house.guest(&forger(&Directory { memory: 1, windows: vec![distance] }));
            assert_eq!(forger.call("bind", &[Val::I32(1)]), Some(Code::NotFound as i32), "{distance} on {mode:?}");
            for victim in &mut victims {
                assert!(victim.memory().iter().all(|byte| *byte == 7), "{distance} on {mode:?}");
            }
        }
    }
}

#[test]
fn a_guest_with_no_windows_gets_none_from_one_that_is_made_after_it() {
    for mode in BACKENDS {
        let house = House::new(mode);
        let mut victim = house.guest(VICTIM);
        victim.call("fill", &[]);
        // Its directory says that the victim's memory is the one it belongs to, and the forger's memory is the window.
        let _forger = house.guest(&forger(&Directory { memory: 2, windows: vec![1] }));
        assert_eq!(victim.call("count", &[]), Some(0), "on {mode:?}");
    }
}

#[test]
fn a_forged_directory_gives_a_guest_its_own_memories() {
    // Memory 0, a window and the directory, all of them the guest's to write: what it could have been linked with.
    for mode in BACKENDS {
        let house = House::new(mode);
        let wat = forger(&Directory { memory: 2, windows: vec![1] })
            .replace(
                r#"(memory (export "directory") 1)"#,
                r#"(memory (export "window") 1) (memory (export "directory") 1)"#,
            )
            .replace("(memory 1)", "(memory 2)");
        let mut guest = house.guest(&wat);
        assert_eq!(guest.call("count", &[]), Some(1));
        assert_eq!(guest.call("bind", &[Val::I32(1)]), Some(-1), "on {mode:?}");
        assert_eq!(guest.call("bind", &[Val::I32(2)]), Some(Code::NotFound as i32));
    }
}
