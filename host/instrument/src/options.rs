//! What the caller chooses.

use memctl_core::{Bounds, Granule, Shield};

/// How a module is instrumented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What declared bounds are rounded down to.
    pub granule: Granule,
    /// Whether the table that the host keeps in the shield is checked.
    pub table: Table,
    /// How large a shield is.
    pub shield: ShieldPages,
    /// Bounds of memory 0, in place of what the module declares for it.
    pub bounds: Option<Bounds>,
}

impl Default for Options {
    fn default() -> Self {
        Self { granule: Granule::DEFAULT, table: Table::Auto, shield: ShieldPages::Wasm, bounds: None }
    }
}

/// Whether accesses are checked against the table of ranges that the host protects while the module runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Table {
    /// If a module imports `wasi:memory-control/protection` or `wasi:memory-control/mapping`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: what is declared is all that is protected.
    Never,
}

/// How large a shield is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShieldPages {
    /// One wasm page of 64 KiB, with room for 2,725 ranges.
    #[default]
    Wasm,
    /// Pages of one byte (the custom-page-sizes proposal), for engines that know them and boards with little memory.
    Bytes {
        /// Ranges that there is room for.
        ranges: u32,
    },
}

impl ShieldPages {
    /// Ranges that there is room for.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a shield's size is below 2^32 bytes")]
    pub fn capacity(self) -> u32 {
        match self {
            Self::Wasm => ((65536 - Shield::HEADER) / Shield::ENTRY) as u32,
            Self::Bytes { ranges } => ranges.min(((u64::from(u32::MAX) - Shield::HEADER) / Shield::ENTRY) as u32),
        }
    }

    pub(crate) fn memory_type(self) -> wasm_encoder::MemoryType {
        let (pages, page_size_log2) = match self {
            Self::Wasm => (1, None),
            Self::Bytes { .. } => (Shield::HEADER + u64::from(self.capacity()) * Shield::ENTRY, Some(0)),
        };
        wasm_encoder::MemoryType {
            minimum: pages,
            maximum: Some(pages),
            memory64: false,
            shared: false,
            page_size_log2,
        }
    }
}
