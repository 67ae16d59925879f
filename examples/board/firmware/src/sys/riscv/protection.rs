//! The PMP's registers: loads plans of `memctl_mpu`. No entry is locked, so machine mode reaches everything.
//!
//! The privileged architecture (20211203), 3.7.1.

use core::arch::asm;

use memctl_mpu::{Error, Plan as Planned, Range, Rights, pmp};

/// Entries that QEMU's virt has.
const ENTRIES: usize = 16;

/// Whether regions are there at all.
pub(crate) const IN_FORCE: bool = true;

/// Whether what entries say of guests binds machine mode too: only locked ones do.
pub(crate) const BINDS_PRIVILEGED: bool = false;

/// A plan for this unit.
pub(crate) type Plan = Planned<pmp::Entry, ENTRIES>;

/// How many entries the unit has.
pub(crate) fn available() -> u8 {
    16
}

/// Plans ranges for this unit.
///
/// # Errors
/// Which of the unit's rules can't be kept.
pub(crate) fn plan(ranges: &[Range]) -> Result<Plan, Error> {
    pmp::Unit::<ENTRIES>::rv32().plan(ranges)
}

/// What a plan puts in the registers.
#[derive(Clone)]
pub(crate) struct Regions {
    entries: [pmp::Entry; ENTRIES],
    count: usize,
}

/// Writes a register that has this number and the next ones of its kind.
macro_rules! write_each {
    ($($index:literal => $csr:literal),* ; $value:expr) => {
        $({
            let value: u32 = $value($index);
            // SAFETY: the entries are not locked and don't bind machine mode, which this is.
            unsafe { asm!(concat!("csrw ", $csr, ", {0}"), in(reg) value, options(nomem, nostack)) };
        })*
    };
}

impl Regions {
    /// A plan's.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut entries = [pmp::Entry { cfg: 0, addr: 0 }; ENTRIES];
        entries[..plan.regions().len()].copy_from_slice(plan.regions());
        Self { entries, count: plan.regions().len() }
    }

    /// How many are used.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    fn configuration(&self, number: usize) -> u32 {
        let octet = |at: usize| self.entries[4 * number + at].cfg;
        u32::from_le_bytes([octet(0), octet(1), octet(2), octet(3)])
    }

    /// Puts them in force, and nothing else.
    pub(crate) fn load(&self) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the register of RV32 has 32 bits; the planner keeps to them"
        )]
        let address = |number: usize| self.entries[number].addr as u32;
        write_each!(
            0 => "pmpaddr0", 1 => "pmpaddr1", 2 => "pmpaddr2", 3 => "pmpaddr3", 4 => "pmpaddr4", 5 => "pmpaddr5", 6 => "pmpaddr6",
            7 => "pmpaddr7", 8 => "pmpaddr8", 9 => "pmpaddr9", 10 => "pmpaddr10", 11 => "pmpaddr11", 12 => "pmpaddr12",
            13 => "pmpaddr13", 14 => "pmpaddr14", 15 => "pmpaddr15"; address
        );
        self.load_rights();
    }

    fn load_rights(&self) {
        let cfg = |number: usize| self.configuration(number);
        write_each!(0 => "pmpcfg0", 1 => "pmpcfg1", 2 => "pmpcfg2", 3 => "pmpcfg3"; cfg);
        // SAFETY: what was looked up before is looked up again (3.7.2).
        unsafe { asm!("sfence.vma", options(nostack)) };
    }

    /// Gives one entry other rights, in force at once.
    pub(crate) fn give(&mut self, number: usize, rights: Rights) {
        if let Some(entry) = self.entries[..self.count].get_mut(number)
            && let Ok(given) = entry.with(rights, memctl_mpu::Memory::Normal)
        {
            *entry = given;
            self.load_rights();
        }
    }
}

/// No entry holds: user mode reaches nothing.
pub(crate) fn off() {
    let none = |_: usize| 0;
    write_each!(0 => "pmpcfg0", 1 => "pmpcfg1", 2 => "pmpcfg2", 3 => "pmpcfg3"; none);
}
