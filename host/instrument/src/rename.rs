//! New numbers for what a module had before.

use std::collections::BTreeMap;

use wasm_encoder::reencode::Error as Reencode;

use crate::Error;

/// Numbers of functions, memories and globals after instrumentation.
///
/// Shields and hulls of imported memories are imports behind all others of their kind, so that what the module defines moves up. What is
/// added besides lies behind everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rename {
    pub(crate) imported_memories: u32,
    pub(crate) imported_globals: u32,
    /// Imports that are called through a function that stands before them.
    pub(crate) wrapped: BTreeMap<u32, u32>,
    /// Hulls that are imported.
    pub(crate) imported_hulls: u32,
    /// The function that starts the module in place of its own.
    pub(crate) start: Option<u32>,
}

impl Rename {
    pub(crate) fn memory(&self, memory: u32) -> u32 {
        if memory < self.imported_memories { memory } else { memory + self.imported_memories }
    }

    pub(crate) fn global(&self, global: u32) -> u32 {
        if global < self.imported_globals { global } else { global + self.imported_hulls }
    }

    /// The same, but for functions, which are called what they were: for names.
    pub(crate) fn without_wrappers(&self) -> Self {
        Self { wrapped: BTreeMap::new(), ..self.clone() }
    }
}

impl wasm_encoder::reencode::Reencode for Rename {
    type Error = Error;

    fn function_index(&mut self, function: u32) -> Result<u32, Reencode<Error>> {
        Ok(self.wrapped.get(&function).copied().unwrap_or(function))
    }

    fn start_section(&mut self, start: u32) -> Result<u32, Reencode<Error>> {
        self.start.map_or_else(|| self.function_index(start), Ok)
    }

    fn memory_index(&mut self, memory: u32) -> Result<u32, Reencode<Error>> {
        Ok(self.memory(memory))
    }

    fn global_index(&mut self, global: u32) -> Result<u32, Reencode<Error>> {
        Ok(self.global(global))
    }
}
