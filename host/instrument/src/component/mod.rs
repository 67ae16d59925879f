//! Components: every core module in them is instrumented, and so is what the host does for them.

mod abi;
mod canon;
mod check;
mod guard;
mod guards;
mod level;
mod memories;
mod problem;
mod read;
mod rewrite;
mod tree;
mod walk;
mod wrap;

use std::ops::Range;

use memctl_core::Bounds;
use wasm_encoder::MemoryType;
use wasm_encoder::reencode::{Error as Reencoding, Reencode, RoundtripReencoder};
use wasmparser::{Parser, Validator, WasmFeatures};

pub use problem::Problem;

use crate::exports::{self, Hull};
use crate::module::{ImportedShield, declared_bounds, instrument_module};
use crate::{Error, ModuleReport, Options, Outcome, Report, Table, layout};
use rewrite::Rewriter;
use tree::{Definer, Instance, Tree};

/// A core module, instrumented.
#[derive(Clone, Debug, Default)]
struct Made {
    wasm: Vec<u8>,
    /// For each memory: its type, and what is declared for it, rounded.
    memories: Vec<(MemoryType, Bounds)>,
}

impl Made {
    fn memory(&self, memory: u32) -> (MemoryType, Bounds) {
        get(&self.memories, memory).copied().expect("definers are found among a module's memories")
    }
}

fn features() -> WasmFeatures {
    layout::features() | WasmFeatures::COMPONENT_MODEL
}

/// Puts the checks into a component.
pub(crate) fn instrument(wasm: &[u8], options: &Options) -> Result<Outcome, Error> {
    let tree = read::read(wasm, features())?;
    let table = match options.table {
        Table::Always => true,
        Table::Never => false,
        Table::Auto => tree.protects,
    };
    let options_of = module_options(&tree, options)?;
    let mut made = Vec::new();
    for (module, options) in tree.modules.iter().zip(&options_of) {
        let bounds = declared_bounds(module.bytes, options).map_err(|error| within(&tree, made.len(), error))?;
        let memories = module.memories.types.iter().zip(bounds);
        let memories = memories
            .map(|(ty, bounds)| {
                let ty = RoundtripReencoder.memory_type(*ty);
                Ok((ty.map_err(|_| Problem::at(module.offset, "a memory type that can't be written"))?, bounds))
            })
            .collect::<Result<Vec<_>, Problem>>()?;
        made.push(Made { wasm: module.bytes.to_vec(), memories });
    }
    let imported = imported(&tree)?;
    refuse_uncovered(&tree, &made, table)?;

    let mut modules = Vec::new();
    for (number, module) in tree.modules.iter().enumerate() {
        let shields: Vec<ImportedShield> = imported[number]
            .iter()
            .flatten()
            .map(|(definer, memory)| ImportedShield {
                memory_at_definer: *memory,
                declared: made[*definer].memory(*memory).1,
            })
            .collect();
        if shields.len() < module.memories.imported.len() || module.memories.types.is_empty() {
            // Nothing instantiates it, or it has nothing to check.
            let size = module.bytes.len() as u64;
            modules.push(ModuleReport { bytes_before: size, bytes_after: size, ..ModuleReport::default() });
            continue;
        }
        let outcome = instrument_module(module.bytes, &options_of[number], &shields, table)
            .map_err(|error| within(&tree, number, error))?;
        made[number].wasm = outcome.wasm;
        modules.push(outcome.report);
    }

    let wasm =
        Rewriter::new(&tree, &made, table, options.shield.memory_type()).write(wasm).map_err(|error| match error {
            Reencoding::UserError(problem) => Error::Wiring(problem),
            Reencoding::ParseError(error) => error.into(),
            other => Error::Internal { message: other.to_string() },
        })?;
    let valid = Validator::new_with_features(features()).validate_all(&wasm);
    valid.map_err(|error| Error::Internal { message: error.to_string() })?;
    Ok(Outcome { wasm, report: Report { modules } })
}

/// The options for each module: bounds that are given in place of a section are for the module that has the program's memory.
fn module_options(tree: &Tree<'_>, options: &Options) -> Result<Vec<Options>, Error> {
    let main = match options.bounds {
        Some(_) => Some(main_module(tree)?),
        None => None,
    };
    let numbers = 0..tree.modules.len();
    let bounds = numbers.map(|number| options.bounds.filter(|_| main == Some(number)));
    Ok(bounds.map(|bounds| Options { bounds, ..*options }).collect())
}

/// Where in a file the one core module is that defines a memory (all of it, if it is a core module), and the proposals that the file may use.
pub(crate) fn main_part(wasm: &[u8]) -> Result<(Range<usize>, WasmFeatures), Error> {
    if !Parser::is_component(wasm) {
        return Ok((0..wasm.len(), features()));
    }
    let tree = read::read(wasm, features())?;
    let module = &tree.modules[main_module(&tree)?];
    Ok((module.offset..module.offset + module.bytes.len(), features()))
}

/// The one module that defines a memory.
fn main_module(tree: &Tree<'_>) -> Result<usize, Error> {
    let mut definers = tree.modules.iter().enumerate().filter(|(_, module)| module.memories.defines());
    match (definers.next(), definers.next()) {
        (None, _) => Err(Error::NoMemory),
        (Some((number, _)), None) => Ok(number),
        (Some((first, _)), Some((second, module))) => Err(Error::Wiring(Problem::at(
            module.offset,
            format!(
                "core modules {first} and {second} both define memories: declare the bounds in each component before they are composed"
            ),
        ))),
    }
}

/// Modules, and memories that they define.
type Definitions = Vec<(usize, u32)>;

/// For each module the modules that define the memories that it imports, and which memories they are.
fn imported(tree: &Tree<'_>) -> Result<Vec<Option<Definitions>>, Error> {
    let mut all: Vec<Option<Definitions>> = tree.modules.iter().map(|_| None).collect();
    for (number, scope) in tree.scopes.iter().enumerate() {
        for instance in &scope.instances {
            let Instance::Of { module: Some(module), args, offset } = instance else { continue };
            let definers = tree.imported(number, *module, args, *offset)?;
            let definers: Definitions = definers.iter().map(|definer| (definer.module, definer.memory)).collect();
            let known = all[*module].get_or_insert_with(|| definers.clone());
            if *known != definers {
                return Err(Error::Wiring(Problem::at(
                    *offset,
                    format!(
                        "core module {module} is instantiated with memories of different modules: give each instance a copy of the module"
                    ),
                )));
            }
        }
    }
    Ok(all)
}

fn refuse_uncovered(tree: &Tree<'_>, made: &[Made], table: bool) -> Result<(), Error> {
    let protected = |definer: &Definer| table || made[definer.module].memory(definer.memory).1 != Bounds::NONE;
    let mut uncovered = tree.scopes.iter().flat_map(|scope| &scope.uncovered);
    match uncovered.find(|(definer, _)| protected(definer)) {
        Some((_, problem)) => Err(Error::Wiring(problem.clone())),
        None => Ok(()),
    }
}

fn within(tree: &Tree<'_>, module: usize, error: Error) -> Error {
    Error::InModule { module, offset: tree.modules[module].offset, error: Box::new(error) }
}

/// Names under which the module that defines a memory exports its shield and the hulls.
fn exported(memory: u32) -> (String, [String; 4]) {
    (exports::shield(memory), Hull::ALL.map(|part| exports::hull(memory, part)))
}

fn get<T>(items: &[T], number: u32) -> Option<&T> {
    items.get(usize::try_from(number).ok()?)
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("an index space has 32 bits")
}
