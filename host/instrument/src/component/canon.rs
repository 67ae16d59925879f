//! Which `canon` definitions let the host load from a memory or store to it, and what.

use wasm_encoder::ValType;
use wasmparser::component_types::ComponentFuncType;
use wasmparser::types::TypesRef;
use wasmparser::{CanonicalFunction, CanonicalOption};

use super::abi::{Bytes, Unknown, Value};
use super::guard::Call;
use super::problem::Problem;
use super::tree::{CoreFunction, Definer, Tree, Use};
use super::walk::Encoding;

/// Options of a definition that matter here.
#[derive(Default)]
struct Options {
    memory: Option<u32>,
    realloc: Option<u32>,
    encoding: Encoding,
    // An option that the checks don't know.
    unknown: Option<&'static str>,
}

impl Options {
    fn of(options: &[CanonicalOption]) -> Self {
        let mut found = Self::default();
        for option in options {
            match option {
                CanonicalOption::UTF8 => found.encoding = Encoding::Utf8,
                CanonicalOption::UTF16 => found.encoding = Encoding::Utf16,
                CanonicalOption::CompactUTF16 => found.encoding = Encoding::CompactUtf16,
                CanonicalOption::Memory(memory) => found.memory = Some(*memory),
                CanonicalOption::Realloc(function) => found.realloc = Some(*function),
                CanonicalOption::PostReturn(_) => {}
                CanonicalOption::Async => found.unknown = Some("async"),
                CanonicalOption::Callback(_) => found.unknown = Some("callback"),
                CanonicalOption::CoreType(_) => found.unknown = Some("core-type"),
                CanonicalOption::Gc => found.unknown = Some("gc"),
            }
        }
        found
    }
}

/// Notes what the definition does.
pub(super) fn read<'a>(
    tree: &mut Tree<'a>,
    scope: usize,
    canon: &CanonicalFunction,
    types: TypesRef<'_>,
    offset: usize,
) -> Result<(), Problem> {
    let number = tree.scopes[scope].canons;
    tree.scopes[scope].canons += 1;
    let mut place = Place { tree, scope, types, offset };
    match canon {
        CanonicalFunction::Lift { core_func_index, type_index, options } => {
            let ty = place.types.component_any_type_at(*type_index);
            let wasmparser::component_types::ComponentAnyTypeId::Func(ty) = ty else {
                return Err(Problem::at(offset, "canon lift of a type that is no function"));
            };
            let options = Options::of(options);
            place.tree.scopes[scope].component_functions.push(false);
            place.note("canon lift", number, *core_func_index, &options, |types| {
                let result = shapes(&types[ty], types, Bytes::Contents)?.1;
                Ok(Call::Lift { result, encoding: options.encoding })
            })
        }
        CanonicalFunction::Lower { func_index, options } => {
            let function = super::count(&place.tree.scopes[scope].functions);
            let functions = &place.tree.scopes[scope].component_functions;
            let bytes = match super::get(functions, *func_index) {
                Some(true) => Bytes::Place,
                _ => Bytes::Contents,
            };
            let ty = place.types.component_function_at(*func_index);
            let options = Options::of(options);
            place.tree.scopes[scope].functions.push(CoreFunction::Canon);
            place.note("canon lower", number, function, &options, |types| {
                let (params, result) = shapes(&types[ty], types, bytes)?;
                Ok(Call::Lower { params, result, encoding: options.encoding })
            })
        }
        CanonicalFunction::TaskReturn { options, .. }
        | CanonicalFunction::StreamRead { options, .. }
        | CanonicalFunction::StreamWrite { options, .. }
        | CanonicalFunction::FutureRead { options, .. }
        | CanonicalFunction::FutureWrite { options, .. }
        | CanonicalFunction::ErrorContextNew { options }
        | CanonicalFunction::ErrorContextDebugMessage { options } => {
            place.tree.scopes[scope].functions.push(CoreFunction::Canon);
            place.refuse(Options::of(options).memory, "this canon definition")
        }
        CanonicalFunction::WaitableSetWait { memory, .. } | CanonicalFunction::WaitableSetPoll { memory, .. } => {
            place.tree.scopes[scope].functions.push(CoreFunction::Canon);
            place.refuse(Some(*memory), "this canon definition")
        }
        _ => {
            place.tree.scopes[scope].functions.push(CoreFunction::Canon);
            Ok(())
        }
    }
}

fn shapes(ty: &ComponentFuncType, types: TypesRef<'_>, bytes: Bytes) -> Result<(Vec<Value>, Option<Value>), Unknown> {
    let params = ty.params.iter().map(|(_, ty)| Value::of(*ty, types, bytes)).collect::<Result<_, _>>()?;
    // What comes back is stored to the memory, or read from it: no list only says where.
    let result = ty.result.map(|ty| Value::of(ty, types, Bytes::Contents)).transpose()?;
    Ok((params, result))
}

/// Where a definition stands.
struct Place<'t, 'a, 'v> {
    tree: &'t mut Tree<'a>,
    scope: usize,
    types: TypesRef<'v>,
    offset: usize,
}

impl<'v> Place<'_, '_, 'v> {
    fn note(
        &mut self,
        what: &str,
        number: usize,
        function: u32,
        options: &Options,
        call: impl FnOnce(TypesRef<'v>) -> Result<Call, Unknown>,
    ) -> Result<(), Problem> {
        let Some(memory) = options.memory else { return Ok(()) };
        if let Some(option) = options.unknown {
            return self.refuse(Some(memory), &format!("{what} with option {option}"));
        }
        let definer = self.definer(memory)?;
        let call = match call(self.types) {
            Ok(call) => call,
            Err(Unknown(ty)) => return self.refuse(Some(memory), &format!("{what} with the type {ty}")),
        };
        let (params, results) = self.signature(function)?;
        let scope = &mut self.tree.scopes[self.scope];
        scope.uses.insert(number, Use { function, memory, definer, params, results, realloc: options.realloc, call });
        if let Some(function) = options.realloc {
            let (params, results) = self.signature(function)?;
            let realloc = Use { function, memory, definer, params, results, realloc: None, call: Call::Realloc };
            self.tree.scopes[self.scope].reallocs.insert((function, memory), realloc);
        }
        Ok(())
    }

    /// Remembers that the definition can't be checked, which matters if the memory has anything to protect.
    fn refuse(&mut self, memory: Option<u32>, what: &str) -> Result<(), Problem> {
        let Some(memory) = memory else { return Ok(()) };
        let definer = self.definer(memory)?;
        let what = format!(
            "{what} lets the host use core memory {memory} in a way that can't be checked: build the component without it, or for a host with an MMU"
        );
        self.tree.scopes[self.scope].uncovered.push((definer, Problem::at(self.offset, what)));
        Ok(())
    }

    fn definer(&self, memory: u32) -> Result<Definer, Problem> {
        let source = super::get(&self.tree.scopes[self.scope].memories, memory);
        let Some(source) = source else {
            return Err(Problem::at(self.offset, format!("there is no core memory {memory}")));
        };
        self.tree.definer(self.scope, *source, self.offset)
    }

    fn signature(&self, function: u32) -> Result<(Vec<ValType>, Vec<ValType>), Problem> {
        let ty = self.types[self.types.core_function_at(function)].unwrap_func();
        let convert = |types: &[wasmparser::ValType]| {
            types
                .iter()
                .map(|ty| match ty {
                    wasmparser::ValType::I32 => Ok(ValType::I32),
                    wasmparser::ValType::I64 => Ok(ValType::I64),
                    wasmparser::ValType::F32 => Ok(ValType::F32),
                    wasmparser::ValType::F64 => Ok(ValType::F64),
                    other => Err(Problem::at(self.offset, format!("core function {function} has the type {other}"))),
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok((convert(ty.params())?, convert(ty.results())?))
    }
}
