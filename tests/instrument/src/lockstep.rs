//! A module under the oracle and the same module instrumented, step by step.

use memctl_core::Bounds;
use wasmparser::{DataKind, ExternalKind, Parser, Payload};
use wasmtime::{Caller, Error, Extern, Instance, Linker, Module, Store, Trap, Val, ValType};

use crate::engine::Runs;
use crate::guest::{bits, take_stopped, write_table};
use crate::model::{Protected, Reach};
use crate::naive::{CHECK, checked, exports};
use crate::oracle::{self, Oracle, Stop};

/// Modules that functions are imported from whose return brings other ranges.
const CONTROL: &str = "wasi:memory-control/";

/// Protected ranges of one memory, at one time.
pub type Ranges = Vec<(u64, u64, Reach)>;

/// What is protected in the memories of a module, and when.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// Declared bounds of each memory, rounded.
    pub declared: Vec<Bounds>,
    /// Ranges of each memory: each call of an imported function brings the next, round and round.
    pub ranges: Vec<Vec<Ranges>>,
    /// Numbers for the arguments of calls.
    pub arguments: Vec<u64>,
    /// How often each function is called.
    pub calls: usize,
}

/// How much of a run meant anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Calls that returned.
    pub returned: usize,
    /// Calls that were stopped.
    pub stopped: usize,
    /// Calls that trapped for another reason.
    pub trapped: usize,
    /// Accesses that the oracle looked at and allowed.
    pub allowed: u64,
}

impl std::ops::AddAssign for Ran {
    fn add_assign(&mut self, other: Self) {
        self.returned += other.returned;
        self.stopped += other.stopped;
        self.trapped += other.trapped;
        self.allowed += other.allowed;
    }
}

/// What came of a call or of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Came {
    Returned(Vec<u128>),
    Stopped(Stop),
    Trapped(Trap),
}

/// Runs the module, which exports all that it has, under the oracle, and `instrumented` on an engine: and every function is called.
///
/// # Errors
/// The first difference.
///
/// # Panics
/// If one of the modules is not valid.
pub fn lockstep(wasm: &[u8], instrumented: &[u8], runs: Runs, setting: &Setting) -> Result<Ran, String> {
    let naive = checked(wasm).expect("the oracle's rewriter knows it");
    let engine = Runs::Guarded.engine();
    let mut linker = Linker::new(engine);
    oracle::add_to_linker(&mut linker).expect("a new name");
    let oracle = Oracle::new(setting, names(wasm, ExternalKind::Memory), segments(wasm));
    let (mut left, expected) = Side::start(linker, &naive, oracle, |mut caller| caller.data_mut().turn());
    let linker = Linker::new(runs.engine());
    let (mut right, came) =
        Side::start(linker, instrumented, Shields { setting: setting.clone(), turn: 0 }, next_ranges);
    let mut ran = Ran::default();
    right.agrees("the start", &expected, came)?;
    let (Some(_), Some(instance)) = (left.instance, right.instance) else { return Ok(ran) };
    left.store.data_mut().started();
    let mut numbers = setting.arguments.iter().copied().cycle();
    for name in names(wasm, ExternalKind::Func).iter().flat_map(|name| std::iter::repeat_n(name, setting.calls)) {
        let func = instance.get_func(&mut right.store, name).expect("it is still exported");
        let args: Option<Vec<_>> =
            func.ty(&right.store).params().map(|ty| argument(&ty, numbers.next().unwrap_or_default())).collect();
        let Some(args) = args else { continue };
        let expected = left.call(name, &args);
        let came = right.call(name, &args);
        if [&expected, &came].iter().any(|came| **came == Came::Trapped(Trap::StackOverflow)) {
            // Frames are of other sizes.
            break;
        }
        match &expected {
            Came::Returned(_) => ran.returned += 1,
            Came::Stopped(_) => ran.stopped += 1,
            Came::Trapped(_) => ran.trapped += 1,
        }
        right.agrees(&format!("{name}{args:?}"), &expected, came)?;
        for memory in names(wasm, ExternalKind::Memory) {
            same(&memory, left.bytes(&memory), right.bytes(&memory))?;
        }
        for global in names(wasm, ExternalKind::Global) {
            let values = [left.global(&global), right.global(&global)];
            if values[0] != values[1] {
                return Err(format!("after {name}{args:?}, global {global}: {values:x?}"));
            }
        }
    }
    ran.allowed = left.store.data().allowed;
    Ok(ran)
}

/// One of the two guests.
struct Side<T: 'static> {
    store: Store<T>,
    instance: Option<Instance>,
}

impl<T> Side<T> {
    fn start(mut linker: Linker<T>, wasm: &[u8], data: T, turn: fn(Caller<'_, T>)) -> (Self, Came) {
        let engine = linker.engine().clone();
        let module = Module::new(&engine, wasm).expect("a valid module");
        linker.allow_shadowing(true);
        for import in module.imports() {
            let Some(ty) = import.ty().func().cloned() else { continue };
            if [import.module(), import.name()] == CHECK {
                continue;
            }
            let control = import.module().starts_with(CONTROL);
            let zeros =
                ty.results().map(|ty| Val::default_for_ty(&ty).expect("a type with a default")).collect::<Vec<_>>();
            let answer = move |caller: Caller<'_, T>, _: &[Val], results: &mut [Val]| {
                results.clone_from_slice(&zeros);
                if control {
                    turn(caller);
                }
                Ok(())
            };
            linker.func_new(import.module(), import.name(), ty, answer).expect("a name");
        }
        let mut store = Store::new(&engine, data);
        match linker.instantiate(&mut store, &module) {
            Ok(instance) => (Self { store, instance: Some(instance) }, Came::Returned(Vec::new())),
            Err(error) => (Self { store, instance: None }, Came::from(&error)),
        }
    }

    fn call(&mut self, name: &str, args: &[Val]) -> Came {
        let func = self.instance.and_then(|instance| instance.get_func(&mut self.store, name)).expect("it is exported");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        match func.call(&mut self.store, args, &mut results) {
            Ok(()) => Came::Returned(results.iter().map(bits).collect()),
            Err(error) => Came::from(&error),
        }
    }

    fn bytes(&mut self, name: &str) -> &[u8] {
        let memory =
            self.instance.and_then(|instance| instance.get_memory(&mut self.store, name)).expect("it is exported");
        memory.data(&self.store)
    }

    fn global(&mut self, name: &str) -> u128 {
        let global =
            self.instance.and_then(|instance| instance.get_global(&mut self.store, name)).expect("it is exported");
        bits(&global.get(&mut self.store))
    }
}

impl From<&Error> for Came {
    fn from(error: &Error) -> Self {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return Self::Stopped(*stop);
        }
        Self::Trapped(*error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("{error:?}")))
    }
}

/// The host of an instrumented module.
struct Shields {
    setting: Setting,
    turn: usize,
}

/// The next ranges are in force.
fn next_ranges(mut caller: Caller<'_, Shields>) {
    let Shields { setting, turn } = caller.data_mut();
    let (ranges, now) = (setting.ranges.clone(), *turn);
    *turn += 1;
    for (memory, ranges) in ranges.iter().enumerate().filter(|(_, ranges)| !ranges.is_empty()) {
        let shield = caller.get_export(&shield(memory)).and_then(Extern::into_memory).expect("a shield");
        write_table(&shield, &mut caller, &Protected::new(Bounds::NONE, &ranges[now % ranges.len()]));
    }
}

impl Side<Shields> {
    /// What it did is what the oracle did.
    fn agrees(&mut self, what: &str, expected: &Came, came: Came) -> Result<(), String> {
        // Without an instance nothing tells of its shields.
        let Some(instance) = self.instance else {
            let same = match expected {
                Came::Stopped(_) => came == Came::Trapped(Trap::MemoryOutOfBounds),
                other => came == *other,
            };
            return if same { Ok(()) } else { Err(format!("{what}: {came:x?} instead of {expected:x?}")) };
        };
        let mut stops = Vec::new();
        for memory in 0..self.store.data().setting.declared.len() {
            let shield = instance.get_memory(&mut self.store, &shield(memory)).expect("a shield");
            stops.extend(take_stopped(&shield, &mut self.store).map(|(address, kind)| Stop { memory, address, kind }));
        }
        let came = match (came, &stops[..]) {
            (Came::Trapped(Trap::MemoryOutOfBounds), [stop]) => Came::Stopped(*stop),
            (came, []) => came,
            (came, stops) => return Err(format!("{what}: {came:x?}, and yet {stops:x?}")),
        };
        if came == *expected { Ok(()) } else { Err(format!("{what}: {came:x?} instead of {expected:x?}")) }
    }
}

fn shield(memory: usize) -> String {
    format!("memctl:shield/{memory}")
}

fn same(name: &str, expected: &[u8], bytes: &[u8]) -> Result<(), String> {
    if expected.len() != bytes.len() {
        return Err(format!("{name} has {} bytes instead of {}", bytes.len(), expected.len()));
    }
    if expected == bytes {
        return Ok(());
    }
    let at = expected.iter().zip(bytes).position(|(left, right)| left != right);
    Err(format!("{name} differs at {at:x?}"))
}

/// Names that things of a kind are exported under, by their indexes. Each is exported.
fn names(wasm: &[u8], kind: ExternalKind) -> Vec<String> {
    let mut all = exports(wasm, kind);
    all.sort();
    all.dedup_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, name)| name).collect()
}

/// Lengths of the data segments once the module has started: active ones are gone.
fn segments(wasm: &[u8]) -> Vec<u64> {
    let mut all = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::DataSection(section) = payload.expect("a valid module") {
            all.extend(section.into_iter().map(|data| {
                let data = data.expect("valid");
                if matches!(data.kind, DataKind::Passive) {
                    u64::try_from(data.data.len()).expect("64 bits")
                } else {
                    0
                }
            }));
        }
    }
    all
}

/// A number as an argument. References are never passed.
fn argument(ty: &ValType, number: u64) -> Option<Val> {
    Some(match ty {
        ValType::I32 => Val::I32(u32::try_from(number & 0xffff_ffff).expect("32 bits").cast_signed()),
        ValType::I64 => Val::I64(number.cast_signed()),
        ValType::F32 => Val::F32(u32::try_from(number & 0xffff).expect("16 bits")),
        ValType::F64 => Val::F64(number >> 8),
        ValType::V128 => Val::V128(u128::from(number).into()),
        ValType::Ref(_) => Val::default_for_ty(ty)?,
    })
}
