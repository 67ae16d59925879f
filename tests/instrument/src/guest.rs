//! A guest on any engine, whose memory is protected by hardware or by its own checks.

use std::sync::Arc;

use memctl_alias::{Protection, Reservation};
use memctl_core::{Shield, host_part};
use wasmtime::{AsContextMut, Extern, Instance, Linker, Memory, Module, Store, Trap, Val, ValType};

use crate::engine::Runs;
use crate::model::{Kind, Protected, Reach};
use crate::sys::take_made;

/// The import whose return makes an instrumented module look at its shield again.
pub const SYNC: [&str; 2] = ["wasi:memory-control/protection@0.1.0", "sync"];
/// Another such import, which adds up its two arguments.
pub const SUM: [&str; 2] = ["wasi:memory-control/mapping@0.1.0", "sum"];
/// Guests for hardware have a function of this name that loads from here: a fault that tells old ones from new ones.
pub const SENTINEL: (&str, u64) = ("sentinel", 0x1_0800);
/// The host page that the sentinel is on.
const SENTINEL_PAGE: (u64, u64, Reach) = (0x1_0000, 0x1_1000, Reach::All);

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The bits of what it returned, or why it trapped.
    pub answer: Result<Vec<u128>, Trap>,
    /// The access that was stopped.
    pub stopped: Option<(u64, Kind)>,
}

/// A guest with one memory, which it exports as "memory" unless that is shared.
pub struct Guest {
    store: Store<()>,
    instance: Instance,
    means: Means,
}

/// How the memory is protected.
enum Means {
    Hardware(Arc<Reservation>),
    Shield(Memory),
}

impl Guest {
    /// Instantiates the module, on [`Runs::Hardware`] as it was written, and instrumented elsewhere.
    ///
    /// # Panics
    /// If that can't be done.
    #[must_use]
    pub fn new(runs: Runs, wasm: &[u8]) -> Self {
        let engine = runs.engine();
        let module = Module::new(engine, wasm).expect("it compiles");
        let mut linker = Linker::new(engine);
        linker.func_wrap(SYNC[0], SYNC[1], || {}).expect("a new name");
        linker.func_wrap(SUM[0], SUM[1], |a: i32, b: i64| i64::from(a) + b).expect("a new name");
        linker.func_wrap("env", "host", || {}).expect("a new name");
        let mut store = Store::new(engine, ());
        memctl_wasmtime::note_faults(&mut store);
        take_made();
        let instance = linker.instantiate(&mut store, &module).expect("it starts");
        let means = if runs == Runs::Hardware {
            Means::Hardware(take_made().remove(0))
        } else {
            Means::Shield(instance.get_memory(&mut store, "memctl:shield/0").expect("it has a shield"))
        };
        Self { store, instance, means }
    }

    /// Changes what is protected.
    ///
    /// # Panics
    /// If the hardware can't, or the table is too small.
    pub fn protect(&mut self, protected: &Protected) {
        match &self.means {
            Means::Hardware(memory) => {
                let end = memory.size();
                memory.protect(0, end, Protection::ReadWrite).expect("ordinary memory");
                for (start, end, reach) in protected.ranges().iter().chain([&SENTINEL_PAGE]) {
                    let protection = if *reach == Reach::All { Protection::None } else { Protection::Read };
                    memory.protect(*start, end - start, protection).expect("host pages");
                }
            }
            Means::Shield(shield) => {
                write_table(shield, &mut self.store, protected);
                self.call("sync", &[]).answer.expect("it returns");
            }
        }
    }

    /// Writes what is protected into the shield, and doesn't tell the module.
    ///
    /// # Panics
    /// If there is none, or the table is too small.
    pub fn announce(&mut self, protected: &Protected) {
        let Means::Shield(shield) = self.means else { panic!("hardware has no shield") };
        write_table(&shield, &mut self.store, protected);
    }

    /// The types of an export's parameters.
    ///
    /// # Panics
    /// If there is no such export.
    pub fn params(&mut self, name: &str) -> Vec<ValType> {
        let func = self.instance.get_func(&mut self.store, name).expect("an export");
        func.ty(&self.store).params().collect()
    }

    /// Calls an export.
    ///
    /// # Panics
    /// If there is no such export, or the shield tells of something impossible.
    pub fn call(&mut self, name: &str, args: &[Val]) -> Outcome {
        let answer = self.answer(name, args);
        let stopped = match self.means {
            Means::Hardware(_) => self.take_fault(&answer),
            Means::Shield(shield) => take_stopped(&shield, &mut self.store),
        };
        Outcome { answer, stopped }
    }

    fn answer(&mut self, name: &str, args: &[Val]) -> Result<Vec<u128>, Trap> {
        let func = self.instance.get_func(&mut self.store, name).expect("an export");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        match func.call(&mut self.store, args, &mut results) {
            Ok(()) => Ok(results.iter().map(bits).collect()),
            Err(error) => Err(*error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("{name}: {error:?}"))),
        }
    }

    /// The fault of a call that just returned: of its own code, or of host code that acted for it and got a scratch page.
    fn take_fault(&mut self, answer: &Result<Vec<u128>, Trap>) -> Option<(u64, Kind)> {
        let Means::Hardware(memory) = &self.means else { return None };
        let kind = |write| if write == Some(true) { Kind::Store } else { Kind::Load };
        let contained = memory.take_fault().map(|fault| (fault.address, kind(fault.write)));
        if contained.is_none() && answer.is_ok() {
            return None;
        }
        let last = contained.or(memory.last_fault().map(|fault| (fault.address, kind(fault.write))));
        // A contained fault may have been there.
        let (start, end, _) = SENTINEL_PAGE;
        memory.protect(start, end - start, Protection::None).expect("a host page");
        self.answer(SENTINEL.0, &[]).expect_err("a fault");
        last.filter(|(address, _)| *address != SENTINEL.1)
    }

    /// Makes zeroed memory of all of it: contained faults replace host pages.
    ///
    /// # Panics
    /// If that can't be done.
    pub fn renew(&mut self) {
        match &self.means {
            Means::Hardware(memory) => memory.hide(0, memory.size()).expect("ordinary memory"),
            Means::Shield(_) => self.bytes().fill(0),
        }
    }

    /// The bytes of the memory. In hardware they must not be protected.
    ///
    /// # Panics
    /// If the memory is not exported.
    pub fn bytes(&mut self) -> &mut [u8] {
        let memory = self.instance.get_export(&mut self.store, "memory").and_then(Extern::into_memory);
        memory.expect("an export").data_mut(&mut self.store)
    }
}

/// Writes what is protected into a shield. The module doesn't know before it looks.
///
/// # Panics
/// If the table is too small.
pub fn write_table(shield: &Memory, mut store: impl AsContextMut, protected: &Protected) {
    let (head, table) = host_part(&protected.table());
    let at = |byte| usize::try_from(byte).expect("small");
    shield.write(&mut store, at(Shield::COUNT), &head).expect("a shield's size");
    shield.write(&mut store, at(Shield::HEADER), &table).expect("a range for each");
}

/// The access that was stopped since the last time.
///
/// # Panics
/// If several were.
pub fn take_stopped(shield: &Memory, mut store: impl AsContextMut) -> Option<(u64, Kind)> {
    let mut header = [0; 128];
    shield.read(&store, 0, &mut header).expect("a shield's size");
    let stopped = Shield::stopped(&header)?;
    assert_eq!(stopped.count, 1, "one call stops once");
    let at = usize::try_from(Shield::STOPPED).expect("small");
    shield.write(&mut store, at, &[0; 16]).expect("a shield's size");
    Some((stopped.address, if stopped.write { Kind::Store } else { Kind::Load }))
}

/// A value's bits, which compare where floats don't, and whether a reference is there.
#[must_use]
pub fn bits(value: &Val) -> u128 {
    match value {
        Val::I32(number) => number.cast_unsigned().into(),
        Val::I64(number) => number.cast_unsigned().into(),
        Val::F32(bits) => (*bits).into(),
        Val::F64(bits) => (*bits).into(),
        Val::V128(vector) => vector.as_u128(),
        other => u128::from(other.ref_().is_some_and(|reference| !reference.is_null())),
    }
}
