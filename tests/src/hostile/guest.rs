//! A hostile guest in a store, called with numbers.

use memctl_wasmtime::{Quotas, add_to_core_linker_sync};
use wasmtime::component::{self, Component, Linker};
use wasmtime::{Module, Store, Val};

use super::RESULT;
use crate::guest::State;
use crate::wire::Ask;

/// What was instantiated.
enum Instance {
    Component(component::Instance),
    Module(wasmtime::Instance),
}

/// A guest whose every byte is up to the test, in a store.
pub struct Hostile {
    /// Its store.
    pub store: Store<State>,
    instance: Instance,
}

impl Hostile {
    /// Instantiates a component.
    ///
    /// # Panics
    /// If the linker lacks what it imports.
    #[must_use]
    pub fn component(mut store: Store<State>, component: &Component, linker: &Linker<State>) -> Self {
        let instance = linker.instantiate(&mut store, component).expect("the hostile guest instantiates");
        Self { store, instance: Instance::Component(instance) }
    }

    /// Instantiates a core module, which imports memory control.
    ///
    /// # Panics
    /// If it imports something else.
    #[must_use]
    pub fn module(mut store: Store<State>, module: &Module) -> Self {
        let mut linker = wasmtime::Linker::new(module.engine());
        add_to_core_linker_sync(&mut linker, |state: &mut State| &mut state.memctl).expect("memory control links");
        let instance = linker.instantiate(&mut store, module).expect("the hostile module instantiates");
        Self { store, instance: Instance::Module(instance) }
    }

    /// Calls an export with numbers, and gives the one that it returns, or 0. The error is a trap.
    pub fn try_call(&mut self, name: &str, numbers: &[u64]) -> wasmtime::Result<u64> {
        match &self.instance {
            Instance::Component(instance) => call_component(&mut self.store, *instance, name, numbers),
            Instance::Module(instance) => call_module(&mut self.store, *instance, name, numbers),
        }
    }

    /// Calls an export that must not trap.
    #[track_caller]
    pub fn call(&mut self, name: &str, numbers: &[u64]) -> u64 {
        match self.try_call(name, numbers) {
            Ok(result) => result,
            Err(trap) => panic!("{name} trapped: {trap:?}"),
        }
    }

    /// The component's instance.
    ///
    /// # Panics
    /// If it is a module.
    #[must_use]
    pub fn instance(&self) -> component::Instance {
        match self.instance {
            Instance::Component(instance) => instance,
            Instance::Module(_) => panic!("a module"),
        }
    }

    /// Stores bytes, as the guest.
    #[track_caller]
    pub fn write(&mut self, start: u32, bytes: &[u8]) {
        for (at, byte) in (start.into()..).zip(bytes) {
            self.call("store8", &[at, (*byte).into()]);
        }
    }

    /// Loads one byte, as the guest.
    #[track_caller]
    pub fn load(&mut self, at: u32) -> u8 {
        u8::try_from(self.call("load8", &[at.into()])).expect("a byte")
    }

    /// Loads bytes, as the guest.
    #[track_caller]
    pub fn read(&mut self, start: u32, len: u32) -> Vec<u8> {
        (start..start + len).map(|at| self.load(at)).collect()
    }

    /// What a call left at [`RESULT`]: the handle, or the error code's number.
    #[track_caller]
    pub fn handle(&mut self) -> Result<u32, u8> {
        match self.load(RESULT) {
            0 => Ok(u32::from_le_bytes([4, 5, 6, 7].map(|at| self.load(RESULT + at)))),
            _ => Err(self.load(RESULT + 4)),
        }
    }

    /// What a call without a payload left at [`RESULT`]: nothing, or the error code's number.
    #[track_caller]
    pub fn unit(&mut self) -> Result<(), u8> {
        match self.load(RESULT) {
            0 => Ok(()),
            _ => Err(self.load(RESULT + 1)),
        }
    }

    /// A handle to what is published as `name`.
    #[track_caller]
    pub fn open(&mut self, name: &str) -> u32 {
        self.write(0, name.as_bytes());
        self.call("open", &[0, name.len() as u64, RESULT.into()]);
        self.handle().expect("published")
    }

    /// Maps, and gives the mapping's handle or the error code's number.
    #[track_caller]
    pub fn map(&mut self, start: u32, len: u64, object: u32, ask: Ask) -> Result<u32, u8> {
        self.call("map", &map_arguments(start, len, object, ask, RESULT));
        self.handle()
    }

    /// Calls what takes a handle and a part of a window, and gives what it answers.
    #[track_caller]
    pub fn on_part(&mut self, name: &str, handle: u32, start: u32, len: u64) -> Result<(), u8> {
        self.call(name, &[&part_arguments(handle, start, len)[..], &[RESULT.into()]].concat());
        self.unit()
    }

    /// What the guest uses of its quotas.
    pub fn usage(&self) -> Quotas {
        self.store.data().memctl.usage()
    }
}

fn call_component(
    store: &mut Store<State>,
    instance: component::Instance,
    name: &str,
    numbers: &[u64],
) -> wasmtime::Result<u64> {
    use component::{Type, Val};

    let func = instance.get_func(&mut *store, name).unwrap_or_else(|| panic!("{name} is exported"));
    let ty = func.ty(&*store);
    assert_eq!(ty.params().len(), numbers.len(), "arguments of {name}");
    let arguments: Vec<Val> = ty
        .params()
        .zip(numbers)
        .map(|((_, ty), number)| match ty {
            Type::U64 => Val::U64(*number),
            _ => Val::U32(low(*number)),
        })
        .collect();
    let mut results = vec![Val::Bool(false); ty.results().len()];
    func.call(store, &arguments, &mut results)?;
    Ok(match results.first() {
        Some(Val::U32(number)) => (*number).into(),
        Some(Val::U64(number)) => *number,
        _ => 0,
    })
}

fn call_module(
    store: &mut Store<State>,
    instance: wasmtime::Instance,
    name: &str,
    numbers: &[u64],
) -> wasmtime::Result<u64> {
    let func = instance.get_func(&mut *store, name).unwrap_or_else(|| panic!("{name} is exported"));
    let ty = func.ty(&*store);
    let arguments: Vec<Val> = ty
        .params()
        .zip(numbers)
        .map(
            |(ty, number)| {
                if ty.is_i64() { Val::I64(number.cast_signed()) } else { Val::I32(low(*number).cast_signed()) }
            },
        )
        .collect();
    let mut results = vec![Val::I32(0); ty.results().len()];
    func.call(store, &arguments, &mut results)?;
    Ok(match results.first() {
        Some(Val::I32(number)) => number.cast_unsigned().into(),
        Some(Val::I64(number)) => number.cast_unsigned(),
        _ => 0,
    })
}

/// A number that a test means for 32 bits.
fn low(number: u64) -> u32 {
    u32::try_from(number).expect("fits into 32 bits")
}

/// The flattened arguments of `map`.
#[must_use]
pub fn map_arguments(start: u32, len: u64, object: u32, ask: Ask, result: u32) -> Vec<u64> {
    let Ask { offset, protection, sharing, coherence, reach } = ask;
    let flags = match reach {
        crate::Reach::Inside => 0,
        crate::Reach::PastEnd => 2,
    };
    let options = [protection as u64, sharing as u64, coherence as u64, flags, result.into()];
    [&[0, 0, start.into(), len, object.into(), offset][..], &options].concat()
}

/// The flattened arguments of what takes a handle and a part of a window, without those that come after.
#[must_use]
pub fn part_arguments(handle: u32, start: u32, len: u64) -> Vec<u64> {
    vec![handle.into(), 0, 0, start.into(), len]
}
