//! What the firmware of `examples/board` needs for itself and for each program: measured, where a board has been measured, and rounded up.
//!
//! Measured under QEMU with `cargo xtask board`, which prints the figures of today.

use serde::Serialize;

use super::demand::Demand;
use crate::boards::{Board, System, Word};

const KIB: u64 = 1 << 10;

/// wasmtime's runtime with components, and memctl: text, constants, and the first values of statics. The firmware that plays all scenes, and holds what their guests import,
/// took 634464 bytes for thumbv8m without images, 637624 for thumbv7em and 787718 for riscv32imac. With one guest it is some 50 KB less.
const FLASH: [(&str, u64); 3] = [
    ("thumbv8m.main-none-eabi", 625 * KIB),
    ("thumbv7em-none-eabihf", 625 * KIB),
    ("riscv32imac-unknown-none-elf", 775 * KIB),
];

/// What other targets are taken for.
const FLASH_ELSEWHERE: u64 = 850 * KIB;

/// The kernel's stack (9164 bytes were used), its statics, and the domain's tables (5500 bytes with a guest, its window and its object).
const KERNEL_STACK: u64 = 12 * KIB;
const KERNEL_STATICS: u64 = 2 * KIB;
const KERNEL_TABLES: u64 = 8 * KIB;

/// Statics that the kernel and all partitions use.
pub(super) const SHARED_STATICS: u64 = KIB;

/// A partition's stack (10616 bytes were used) and its interpreter's.
const PARTITION_STACK: u64 = 12 * KIB;
const INTERPRETER_STACK: u64 = 8 * KIB;

/// What engine, linker, component and store take beside that: for the linker's functions, and for what is read from the image, of whose length it is about
/// two fifths. The guests of examples/board took 37 to 57 KiB with images of 25 to 70 KiB; each took less than this.
const RUNTIME: u64 = 34 * KIB;
const READ: (u64, u64) = (2, 5);

/// What a user knows better.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The firmware without images, in flash.
    pub(super) flash: Option<u64>,
    /// Its own RAM, without objects.
    pub(super) ram: Option<u64>,
    /// A partition's stack.
    pub(super) stack: Option<u64>,
    /// Its interpreter's.
    pub(super) interpreter: Option<u64>,
}

/// What the firmware takes, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Firmware {
    /// Flash, without images.
    pub(super) flash: u64,
    /// RAM: stack, statics and tables of the kernel.
    pub(super) ram: u64,
    /// RAM that the kernel and all partitions use.
    pub(super) shared: u64,
}

impl Firmware {
    pub(super) fn on(board: &Board, known: Known) -> Self {
        let target = board.target.as_deref().unwrap_or_default();
        let measured = FLASH.iter().find(|(name, _)| *name == target).map_or(FLASH_ELSEWHERE, |(_, bytes)| *bytes);
        Self {
            flash: known.flash.unwrap_or(measured),
            ram: known.ram.unwrap_or(KERNEL_STACK + KERNEL_STATICS + KERNEL_TABLES),
            shared: SHARED_STATICS,
        }
    }
}

/// What a program takes of RAM, in bytes: all of it in its partition.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Partition {
    /// The machine's stack.
    pub(super) stack: u64,
    /// The interpreter's stack.
    pub(super) interpreter: u64,
    /// Linear memories, as long as they are at first.
    pub(super) memories: u64,
    /// Tables.
    pub(super) tables: u64,
    /// Engine, component, store and instances.
    pub(super) runtime: u64,
}

impl Partition {
    pub(super) fn of(demand: &Demand, board: &Board, known: Known) -> Self {
        let word = match board.word {
            Word::Bits32 => 4,
            Word::Bits64 => 8,
        };
        // Each is a byte longer than it says, so that an empty one has an address.
        let memories = demand.memory_bytes().saturating_add(demand.memories.len() as u64);
        let tables = demand.table_elements.saturating_mul(word);
        if board.system == System::Linux {
            // The rest is in memctl's own process.
            return Self { stack: 0, interpreter: 0, memories, tables, runtime: 0 };
        }
        let runtime = (RUNTIME + demand.image_bytes.unwrap_or(0) * READ.0 / READ.1) * word / 4;
        let stack = known.stack.unwrap_or(PARTITION_STACK);
        let interpreter = known.interpreter.unwrap_or(INTERPRETER_STACK);
        Self { stack, interpreter, memories, tables, runtime }
    }

    pub(super) fn bytes(&self) -> u64 {
        let parts = [self.stack, self.interpreter, self.memories, self.tables, self.runtime];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}
