//! A guest that passes on its arguments to functions of windows, by constant numbers of windows and by others.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use memctl_window::{Windows, libraries, link};
use wasmtime::{Config, Engine, Func, Instance, Linker, Memory, Module, Store, Val};

use crate::functions::{self, Abi, Function};

/// How windows come to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Static,
    Library,
}

/// What memory 0 and windows are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    /// As WAT has it.
    pub(crate) memory: &'static str,
    pub(crate) pointer: &'static str,
    pub(crate) windows: Windows,
}

/// Memories whose wasm pages are bytes: two windows with 32-bit addresses, one with 64.
pub(crate) const BYTES: Scene = Scene { memory: "200 200 (pagesize 1)", pointer: "i32", windows: three(96, 80) };
/// The same with wasm pages of the usual size.
pub(crate) const PAGES: Scene = Scene { memory: "1", pointer: "i32", windows: three(65536, 65536) };
/// The same with 64-bit addresses in memory 0.
pub(crate) const BYTES64: Scene = Scene { memory: "i64 200 200 (pagesize 1)", pointer: "i64", windows: three(96, 80) };

const fn three(size: u64, size64: u64) -> Windows {
    Windows::new().memory32(2, size).memory64(1, size64)
}

/// A running guest.
pub(crate) struct Guest {
    pub(crate) store: Store<Option<Vec<(String, Instance)>>>,
    instance: Instance,
    memories: Vec<Memory>,
}

impl Guest {
    pub(crate) fn new(scene: Scene, route: Route) -> Self {
        let all = Abi::ALL.into_iter().flat_map(|abi| functions::all(abi, scene.pointer)).collect::<Vec<_>>();
        Self::with(&source(scene, &all, Numbers::Any), scene.windows, route).unwrap()
    }

    /// A guest of one's own. It exports memory 0 as `memory`.
    pub(crate) fn with(wat: &str, windows: Windows, route: Route) -> Result<Self> {
        let module = wat::parse_str(wat)?;
        let mut store = Store::new(&engine(), None);
        let count = windows.len();
        let (instance, holder) = match route {
            Route::Static => {
                let linked = exporting(&link(&module, &windows)?.wasm, count, |at| at - 1 + own(&module))?;
                let module = Module::new(store.engine(), linked)?;
                let instance = Instance::new(&mut store, &module, &[])?;
                (instance, instance)
            }
            Route::Library => with_libraries(&mut store, &module, &windows)?,
        };
        let mut memories = vec![instance.get_memory(&mut store, "memory").unwrap()];
        memories.extend((1..=count).map(|k| holder.get_memory(&mut store, &format!("test {k}")).unwrap()));
        Ok(Self { store, instance, memories })
    }

    /// Memory 0, or a window.
    pub(crate) fn memory(&mut self, number: usize) -> &mut [u8] {
        self.memories[number].data_mut(&mut self.store)
    }

    pub(crate) fn memories(&mut self) -> Vec<Vec<u8>> {
        self.memories.iter().map(|memory| memory.data(&self.store).to_vec()).collect()
    }

    /// Calls a function of windows through the guest's, with numbers of windows that are constants there.
    pub(crate) fn constant(&mut self, function: &Function, args: &[Val], windows: &[i32]) -> Result<Option<Val>> {
        self.call(&export(function, windows), args)
    }

    /// The same, with numbers that are arguments.
    pub(crate) fn dynamic(&mut self, function: &Function, args: &[Val], windows: &[i32]) -> Result<Option<Val>> {
        let args: Vec<Val> = args.iter().cloned().chain(windows.iter().map(|k| Val::I32(*k))).collect();
        self.call(&export(function, &[]), &args)
    }

    pub(crate) fn call(&mut self, export: &str, args: &[Val]) -> Result<Option<Val>> {
        let func = self.instance.get_func(&mut self.store, export).ok_or_else(|| anyhow!("no {export}"))?;
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, args, &mut results)?;
        Ok(results.pop())
    }
}

pub(crate) fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true).wasm_threads(true);
    Engine::new(&config).unwrap()
}

/// How many memories a module defines.
fn own(module: &[u8]) -> u32 {
    let mut count = 0;
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        if let wasmparser::Payload::MemorySection(section) = payload.unwrap() {
            count = section.count();
        }
    }
    count
}

/// A module that exports its windows too, so that tests can look at them.
fn exporting(wasm: &[u8], count: u32, index: impl Fn(u32) -> u32) -> Result<Vec<u8>> {
    let text = wasmprinter::print_bytes(wasm)?;
    let (text, _) = text.rsplit_once(')').unwrap();
    let mut text = text.to_owned();
    for k in 1..=count {
        writeln!(text, "(export \"test {k}\" (memory {}))", index(k))?;
    }
    Ok(wat::parse_str(text + ")")?)
}

/// Program and libraries in a circle, which a component closes with a table and this with functions of the host.
fn with_libraries(
    store: &mut Store<Option<Vec<(String, Instance)>>>,
    module: &[u8],
    windows: &Windows,
) -> Result<(Instance, Instance)> {
    let program = Module::new(store.engine(), module)?;
    let mut imports = Vec::new();
    for import in program.imports() {
        let (library, name) = (import.module().to_owned(), import.name().to_owned());
        let ty = import.ty().unwrap_func().clone();
        let func = Func::new(&mut *store, ty, move |mut caller, args, results| {
            let libraries = caller.data().as_ref().unwrap();
            let instance = libraries.iter().find(|(known, _)| *known == library).unwrap().1;
            let func = instance.get_func(&mut caller, &name).unwrap();
            func.call(&mut caller, args, results)
        });
        imports.push(func.into());
    }
    let instance = Instance::new(&mut *store, &program, &imports)?;
    let memory = instance.get_memory(&mut *store, "memory").unwrap();
    let mut linker = Linker::new(store.engine());
    linker.define(&mut *store, "env", "memory", memory)?;
    let mut instances = Vec::new();
    for (at, library) in libraries(module, windows)?.into_iter().enumerate() {
        let wasm = if at == 0 { exporting(&library.wasm, windows.len(), |k| k)? } else { library.wasm };
        let library_module = Module::new(store.engine(), wasm)?;
        let instance = linker.instantiate(&mut *store, &library_module)?;
        linker.instance(&mut *store, library.name, instance)?;
        instances.push((library.name.to_owned(), instance));
    }
    let first = instances[0].1;
    *store.data_mut() = Some(instances);
    Ok((instance, first))
}

fn export(function: &Function, windows: &[i32]) -> String {
    let mut name = format!("{} {}", function.abi.module(), function.name);
    for window in windows {
        write!(name, " {window}").unwrap();
    }
    name
}

/// How a module names windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    Constant,
    /// By constants and by arguments.
    Any,
}

/// A module with functions that pass on their arguments, for each of `functions`: with each constant number from 0 to 4, and with any.
pub(crate) fn source(scene: Scene, functions: &[Function], numbers: Numbers) -> String {
    let mut imports = String::new();
    let mut bodies = String::new();
    for (at, function) in functions.iter().enumerate() {
        let params = function.params.join(" ");
        let result = function.result.map(|ty| format!("(result {ty})")).unwrap_or_default();
        let all = format!("{params}{}", " i32".repeat(function.selectors));
        let (module, name) = (function.abi.module(), &function.name);
        writeln!(imports, "(import \"{module}\" \"{name}\" (func $f{at} (param {all}) {result}))").unwrap();
        let forms: Vec<Vec<i32>> = match function.selectors {
            0 => vec![vec![]],
            1 => std::iter::once(vec![]).chain((0..=4).map(|k| vec![k])).collect(),
            _ => {
                std::iter::once(vec![]).chain((0..=4).flat_map(|to| (0..=4).map(move |from| vec![to, from]))).collect()
            }
        };
        let dynamic = |form: &Vec<i32>| form.is_empty() && function.selectors > 0;
        for form in forms.into_iter().filter(|form| numbers == Numbers::Any || !dynamic(form)) {
            let export = export(function, &form);
            let taken = if form.is_empty() { &all } else { &params };
            let count = function.params.len() + if form.is_empty() { function.selectors } else { 0 };
            let gets: String = (0..count).map(|local| format!("(local.get {local}) ")).collect();
            let constants: String = form.iter().map(|k| format!("(i32.const {k}) ")).collect();
            writeln!(bodies, "(func (export \"{export}\") (param {taken}) {result} {gets}{constants} call $f{at})")
                .unwrap();
        }
    }
    format!("(module {imports} (memory (export \"memory\") {}) {bodies})", scene.memory)
}
