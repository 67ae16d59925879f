//! A core module that passes on what the test says.

use std::fmt::Write;

use memctl_wasmtime::{Domain, MemctlCtx, Mode, Rights, Source, add_to_core_linker_sync};
use wasmtime::{Caller, Config, Engine, Extern, Instance, Linker, Memory, Module, Store, Val};

/// Interface, name, parameters and result of every function.
const IMPORTS: &[(&str, &str, &str, &str)] = &[
    ("domain", "granule", "", "i64"),
    ("domain", "capabilities-of", "i32 i32", "i32"),
    ("domain", "limits", "i32", ""),
    ("domain", "usage", "i32", ""),
    ("file-ticket", "issue", "i32", ""),
    ("file-ticket", "redeem", "i64 i32", ""),
    ("object", "[static]object.anonymous", "i64 i32", ""),
    ("object", "[static]object.open", "i32 i32 i32", ""),
    ("object", "[method]object.len", "i32 i32", ""),
    ("object", "[method]object.rights", "i32", "i32"),
    ("object", "[method]object.resize", "i32 i64 i32", ""),
    ("object", "[resource-drop]object", "i32", ""),
    ("mapping", "[static]mapping.map", "i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32", ""),
    ("mapping", "[method]mapping.publish", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.refresh", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.sync", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.unmap", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[method]mapping.acquire", "i32 i32 i32 i64 i64 i32 i32", ""),
    ("mapping", "[method]mapping.acquire-within", "i32 i32 i32 i64 i64 i32 i64 i32", ""),
    ("mapping", "[method]lease.upgrade", "i32 i32 i32 i64 i64 i64 i32", ""),
    ("mapping", "[method]lease.downgrade", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[static]lease.release", "i32 i32 i32 i64 i64 i32", ""),
    ("mapping", "[resource-drop]mapping", "i32", ""),
    ("mapping", "[resource-drop]lease", "i32", ""),
    ("protection", "seal", "i32 i32 i64 i64 i32", ""),
    ("protection", "sealed", "i32 i32 i32", ""),
    ("protection", "protect", "i32 i32 i64 i64 i32 i32", ""),
    ("protection", "discard", "i32 i32 i64 i64 i32", ""),
];

/// Where results are put.
pub(crate) const RESULT: i32 = 64;
/// The address of the first window, in bytes.
pub(crate) const WINDOW: i64 = 0x1_0000;
/// Bytes in the module's memory.
pub(crate) const MEMORY: i32 = 0x4_0000;
pub(crate) const GRANULE: i64 = 4096;

/// Each function, exported under the last part of its name. `poke` stores through the host, `through` stores in one place and then loads
/// from another. `address` is the type of the memory's addresses.
fn wat(address: &str, pages: u32) -> String {
    let mut imports = String::from(r#"(import "test" "poke" (func $poke (param i32 i32)))"#);
    let mut exports = String::new();
    for (at, (interface, name, params, result)) in IMPORTS.iter().enumerate() {
        let module = format!("wasi:memory-control/{interface}@0.1.0-draft");
        let signature = format!("(param {params}) {}", if result.is_empty() { "" } else { "(result i32)" });
        let signature = if *result == "i64" { "(result i64)".to_owned() } else { signature };
        writeln!(imports, r#"(import "{module}" "{name}" (func $f{at} {signature}))"#).expect("a string grows");
        let export = name.replace("[static]", "").replace("[method]", "").replace("[resource-drop]", "drop ");
        let arguments: String = (0..params.split_whitespace().count()).map(|i| format!("local.get {i} ")).collect();
        writeln!(exports, r#"(func (export "{export}") {signature} {arguments} call $f{at})"#).expect("a string grows");
    }
    format!(
        r#"(module {imports} (memory (export "memory") {address} {pages}) {exports}
            (func (export "poke") (param i32 i32) local.get 0 local.get 1 call $poke)
            (func (export "through") (param {address} {address} i32) (result i32)
                local.get 0 local.get 2 i32.store8
                local.get 1 i32.load8_u))"#
    )
}

/// The module in a store of its own.
pub(crate) struct Core {
    pub(crate) domain: Domain,
    pub(crate) mode: Mode,
    pub(crate) store: Store<MemctlCtx>,
    instance: Instance,
    pub(crate) memory: Memory,
}

/// For each backend, in memories of the domain's. `object` is published, of two granules and a half.
pub(crate) fn on_every_backend(claim: impl Fn(Core)) {
    for mode in memctl_tests::BACKENDS {
        eprintln!("on {mode:?}");
        let object = Source::anonymous(2 * 4096 + 2048);
        let domain = Domain::builder().mode(mode).object("object", object, Rights::all()).build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        claim(core(&domain, mode, &config));
    }
}

/// The module in an engine of these settings.
pub(crate) fn core(domain: &Domain, mode: Mode, config: &Config) -> Core {
    instantiate(domain, mode, config, &wat("i32", MEMORY.cast_unsigned() >> 16))
}

/// The module with a memory of 64-bit addresses and more than 4 GiB.
pub(crate) fn core_of_64_bits(domain: &Domain, mode: Mode) -> Core {
    let mut config = Config::new();
    domain.configure(&mut config).expect("configured");
    instantiate(domain, mode, &config, &wat("i64", (1 << 16) + 16))
}

fn instantiate(domain: &Domain, mode: Mode, config: &Config, wat: &str) -> Core {
    let engine = Engine::new(config).expect("the engine can be made");
    let mut linker: Linker<MemctlCtx> = Linker::new(&engine);
    add_to_core_linker_sync(&mut linker, |ctx| ctx).expect("links");
    let poke = |mut caller: Caller<'_, MemctlCtx>, address: i32, value: i32| {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else { panic!("no memory") };
        memory.data_mut(&mut caller)[address.cast_unsigned() as usize] = value.to_le_bytes()[0];
    };
    linker.func_wrap("test", "poke", poke).expect("links");
    let module = Module::new(&engine, wat).expect("compiles");
    let mut store = Store::new(&engine, domain.context().build());
    let crossing = store.data().crossing(store.engine());
    store.call_hook(move |_, hook| Ok(crossing(hook)?));
    memctl_wasmtime::note_faults(&mut store);
    let instance = linker.instantiate(&mut store, &module).expect("instantiates");
    let memory = instance.get_memory(&mut store, "memory").expect("exported");
    Core { domain: domain.clone(), mode, store, instance, memory }
}

impl Core {
    /// Calls an export.
    pub(crate) fn call(&mut self, name: &str, arguments: &[Val]) -> wasmtime::Result<Option<Val>> {
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, arguments, &mut results)?;
        Ok(results.pop())
    }

    /// Calls an export whose last parameter is where the result goes: the payload's first 4 bytes, or the error code.
    pub(crate) fn ask(&mut self, name: &str, arguments: &[Val], payload_at: usize) -> Result<u32, u32> {
        self.write(RESULT as usize, &[0xff; 16]);
        let arguments = [arguments, &[Val::I32(RESULT)]].concat();
        self.call(name, &arguments).expect("does not trap");
        let bytes: [u8; 12] = self.read(RESULT as usize, 12).try_into().expect("twelve");
        let payload = match payload_at {
            1 => u32::from(bytes[1]),
            at => u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four")),
        };
        match bytes[0] {
            0 => Ok(payload),
            1 => Err(payload),
            tag => panic!("a result's tag is 0 or 1, not {tag}"),
        }
    }

    /// What `map` is called with, but for the place of the result.
    pub(crate) fn map_arguments(object: u32, len: i64, [protection, sharing, coherence]: [i32; 3]) -> Vec<Val> {
        let [object, flags] = [object.cast_signed(), 0];
        let mut arguments = vec![Val::I32(0), Val::I32(0), Val::I64(WINDOW), Val::I64(len), Val::I32(object)];
        arguments.push(Val::I64(0));
        arguments.extend([protection, sharing, coherence, flags].map(Val::I32));
        arguments
    }

    /// What is called with a handle and a part of a window.
    pub(crate) fn part_arguments(handle: u32, start: i64, len: i64) -> Vec<Val> {
        vec![Val::I32(handle.cast_signed()), Val::I32(0), Val::I32(0), Val::I64(start), Val::I64(len)]
    }

    pub(crate) fn open(&mut self, name: &str) -> Result<u32, u32> {
        self.write(0, name.as_bytes());
        let len = i32::try_from(name.len()).expect("short");
        self.ask("object.open", &[Val::I32(0), Val::I32(len)], 4)
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        self.memory.write(&mut self.store, at, bytes).expect("in the memory");
    }

    pub(crate) fn read(&self, at: usize, len: usize) -> Vec<u8> {
        self.memory.data(&self.store)[at..at + len].to_vec()
    }
}
