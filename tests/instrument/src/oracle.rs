//! The host of a module that [`naive`](crate::naive) rewrote: it looks at each access.

use memctl_core::Bounds;
use wasmtime::{Caller, Error, Extern, Linker, Result};

use crate::lockstep::Setting;
use crate::model::{Alignment, Kind, Protected, Verdict};
use crate::naive::{ATOMIC, BULK, CHECK, DROP, NEW, PROBE, SEGMENT, STORE, WAIT};

/// What the host knows of the module.
pub(crate) struct Oracle {
    setting: Setting,
    /// Names that the memories are exported under, by their indexes.
    memories: Vec<String>,
    /// Lengths of the data segments that are still there.
    segments: Vec<u64>,
    /// Of each memory, now.
    protected: Vec<Protected>,
    /// Bounds that are in force.
    declared: Option<Vec<Bounds>>,
    /// How often an imported function was called.
    turn: usize,
    /// The instruction that is looked at leaves a memory, or its segment.
    outside: bool,
    /// Accesses that were allowed.
    pub(crate) allowed: u64,
}

/// An access that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("memory {memory}: {kind:?} at {address:#x}")]
pub(crate) struct Stop {
    pub(crate) memory: usize,
    pub(crate) address: u64,
    pub(crate) kind: Kind,
}

impl Oracle {
    pub(crate) fn new(setting: &Setting, memories: Vec<String>, segments: Vec<u64>) -> Self {
        let (protected, declared) = (vec![Protected::default(); setting.declared.len()], None);
        Self { setting: setting.clone(), memories, segments, protected, declared, turn: 0, outside: false, allowed: 0 }
    }

    /// The start function has returned: what is declared is in force.
    pub(crate) fn started(&mut self) {
        self.declared = Some(self.setting.declared.clone());
        self.protect();
    }

    /// The next ranges are in force.
    pub(crate) fn turn(&mut self) {
        self.turn += 1;
        self.protect();
    }

    fn protect(&mut self) {
        for (memory, protected) in self.protected.iter_mut().enumerate() {
            let declared = self.declared.as_ref().map_or(Bounds::NONE, |declared| declared[memory]);
            let ranges = &self.setting.ranges[memory];
            let now = self.turn.checked_sub(1).filter(|_| !ranges.is_empty()).map(|turn| &ranges[turn % ranges.len()]);
            *protected = Protected::new(declared, now.map_or(&[], |ranges| ranges));
        }
    }

    fn look(&mut self, memory: usize, size: u64, check: Check) -> Result<()> {
        let Check { address, offset, len, kind } = check;
        if kind & NEW != 0 {
            self.outside = false;
        }
        if self.outside || kind & DROP != 0 {
            return Ok(());
        }
        let does = if kind & STORE == 0 { Kind::Load } else { Kind::Store };
        let protected = &self.protected[memory];
        let verdict = if kind & BULK != 0 {
            protected.bulk(address, len, does, size)
        } else {
            let alignment = if kind & ATOMIC == 0 { Alignment::Free } else { Alignment::Natural };
            protected.access((address, offset), len, does, alignment, size)
        };
        match verdict {
            Verdict::Traps => self.outside = true,
            Verdict::Allowed => self.allowed += 1,
            Verdict::Stopped(_) if kind & (PROBE | WAIT) != 0 => {}
            Verdict::Stopped(address) => return Err(Error::new(Stop { memory, address, kind: does })),
        }
        Ok(())
    }
}

struct Check {
    address: u64,
    offset: u64,
    len: u64,
    kind: i32,
}

/// Defines the import.
pub(crate) fn add_to_linker(linker: &mut Linker<Oracle>) -> Result<()> {
    let check = |mut caller: Caller<'_, Oracle>, index: i32, address: i64, offset: i64, len: i64, kind: i32| {
        let unsigned = |number: i64| number.cast_unsigned();
        let check = Check { address: unsigned(address), offset: unsigned(offset), len: unsigned(len), kind };
        let index = usize::try_from(index).expect("an index");
        let oracle = caller.data_mut();
        if kind & DROP != 0 {
            oracle.segments[index] = 0;
            return Ok(());
        }
        if kind & SEGMENT != 0 {
            oracle.outside = check.address.checked_add(check.len).is_none_or(|end| end > oracle.segments[index]);
            return Ok(());
        }
        let name = oracle.memories[index].clone();
        let memory = caller.get_export(&name).and_then(Extern::into_memory).expect("it is exported");
        let size = u64::try_from(memory.data_size(&caller)).expect("64 bits");
        caller.data_mut().look(index, size, check)
    };
    linker.func_wrap(CHECK[0], CHECK[1], check)?;
    Ok(())
}
