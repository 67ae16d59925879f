//! What a program demands of a board, as its component says: memories, tables, code, and who checks its accesses.

use anyhow::{Context, Result};
use memctl_core::Declaration;
use serde::Serialize;
use wasmparser::{ComponentExternName, Parser, Payload};

use crate::boards::{Board, System};
use crate::compile;
use crate::program::Program;

/// A program's demands.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Demand {
    /// The file's name.
    pub(super) name: String,
    /// The component's length in bytes.
    pub(super) component_bytes: u64,
    /// The image's, if the board runs images.
    pub(super) image_bytes: Option<u64>,
    /// What it imports and the board's firmware lacks.
    pub(super) missing: Vec<String>,
    /// The memories that its modules define.
    pub(super) memories: Vec<Memory>,
    /// What its tables hold at first.
    pub(super) table_elements: u64,
    /// Whether checks were put into it.
    pub(super) instrumented: bool,
    /// Whether it declares what is to be protected: the null page, constants.
    pub(super) declares: bool,
    /// Whether it changes protection while it runs.
    pub(super) protects: bool,
}

/// A linear memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Memory {
    /// Its length at first, in bytes.
    pub(super) initial: u64,
    /// What it may grow to, in bytes, if that is said.
    pub(super) most: Option<u64>,
}

impl Demand {
    /// Reads a program, and compiles it if the board runs images, with the interfaces in `provided` besides what firmware has anyway.
    ///
    /// # Errors
    /// It is not valid, or can't be compiled.
    pub(super) fn of(program: &Program, board: &Board, provided: &[String]) -> Result<Self> {
        let component = program.component();
        let name = program.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut demand = Self { name, component_bytes: component.len() as u64, ..Self::default() };
        demand.instrumented = memctl_instrument::is_instrumented(component)?;
        demand.read(component).context("can't read the component")?;
        if board.system == System::Firmware {
            demand.image_bytes = Some(compile::image(program, board)?.len() as u64);
            demand.missing = compile::missing(program, provided)?;
        }
        Ok(demand)
    }

    fn read(&mut self, component: &[u8]) -> Result<()> {
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::MemorySection(memories) => {
                    for memory in memories {
                        let memory = memory?;
                        let bytes = |pages: u64| pages.saturating_mul(1 << memory.page_size_log2.unwrap_or(16));
                        self.memories.push(Memory { initial: bytes(memory.initial), most: memory.maximum.map(bytes) });
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        self.table_elements = self.table_elements.saturating_add(table?.ty.initial);
                    }
                }
                Payload::CustomSection(section) => self.declares |= section.name() == Declaration::SECTION,
                Payload::ComponentImportSection(imports) => {
                    for import in imports {
                        let ComponentExternName { name, .. } = import?.name;
                        self.protects |= name.starts_with("wasi:memory-control/protection");
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The bytes of all memories at first.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memories.iter().map(|memory| memory.initial).fold(0, u64::saturating_add)
    }

    /// The bytes that its memories may still grow by; none if one of them doesn't say.
    pub(super) fn growth(&self) -> Option<u64> {
        let mut growths = self.memories.iter().map(|memory| Some(memory.most?.saturating_sub(memory.initial)));
        growths.try_fold(0, |sum: u64, growth| Some(sum.saturating_add(growth?)))
    }
}
