//! Guards: small modules between a component's core modules and its `canon` definitions. Their functions check what the host is about to load or store on
//! behalf of the guest, and pass the call on.

use std::collections::BTreeMap;

use memctl_core::Shield;
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalType, ImportSection,
    MemoryType, Module, NameSection, TypeSection, ValType,
};

use super::abi::Value;
use super::check::{Pair, check};
use super::walk::{Encoding, Visit, Visits};
use super::wrap::{reload, wrap};

/// What the host does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Load,
    Store,
}

impl Access {
    pub(super) fn index(self) -> usize {
        match self {
            Self::Load => 0,
            Self::Store => 1,
        }
    }

    pub(super) fn kind(self) -> i32 {
        match self {
            Self::Load => Shield::LOAD.cast_signed(),
            Self::Store => Shield::STORE.cast_signed(),
        }
    }
}

/// Where an import of a guard comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) module: String,
    pub(super) name: String,
}

/// A memory that functions of a guard look at.
#[derive(Clone, Debug)]
pub(super) struct Guarded {
    pub(super) guest: (Source, MemoryType),
    pub(super) shield: (Source, MemoryType),
    /// Its hulls, in the order in which they stand in the shield, if modules keep them: what guests run after the host may have changed them.
    pub(super) hulls: Option<Hulls>,
}

/// Globals that hold the two hulls.
#[derive(Clone, Debug)]
pub(super) struct Hulls {
    pub(super) sources: [Source; 4],
}

/// A function that a guard wraps.
#[derive(Clone, Debug)]
pub(super) struct Wrapped {
    pub(super) source: Source,
    pub(super) params: Vec<ValType>,
    pub(super) results: Vec<ValType>,
    /// Index of the memory in the guard's list.
    pub(super) memory: usize,
    pub(super) call: Call,
}

/// What the function is to the canonical ABI.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// Gives the host room to store to.
    Realloc,
    /// An imported function of the component.
    Lower { params: Vec<Value>, result: Option<Value>, encoding: Encoding },
    /// An exported one.
    Lift { result: Option<Value>, encoding: Encoding },
}

/// Functions that a guard has for each memory.
const PER_MEMORY: u32 = 3;

/// The module. It exports what it wraps as "0", "1" and so on.
pub(super) fn guard(memories: &[Guarded], wrapped: &[Wrapped]) -> Vec<u8> {
    let mut guard = Guard::default();
    let mut imports = ImportSection::new();
    let mut exports = ExportSection::new();
    for memory in memories {
        for (source, ty) in [&memory.guest, &memory.shield] {
            imports.import(&source.module, &source.name, EntityType::Memory(*ty));
        }
        if let Some(hulls) = &memory.hulls {
            for source in &hulls.sources {
                let val_type = if memory.guest.1.memory64 { ValType::I64 } else { ValType::I32 };
                let ty = GlobalType { val_type, mutable: true, shared: false };
                imports.import(&source.module, &source.name, EntityType::Global(ty));
            }
        }
    }
    // A component gives a module each import once.
    let mut sources: Vec<&Source> = Vec::new();
    for function in wrapped {
        if sources.contains(&&function.source) {
            continue;
        }
        let ty = guard.ty(&function.params, &function.results);
        imports.import(&function.source.module, &function.source.name, EntityType::Function(ty));
        sources.push(&function.source);
    }
    let imported = len(&sources);
    let wraps = imported + PER_MEMORY * len(memories);

    let places = places(memories);
    for place in &places {
        for access in [Access::Load, Access::Store] {
            guard.define(&[ValType::I32, ValType::I64], &[ValType::I32], check(place.pair, access));
        }
        guard.define(&[], &[], reload(place));
    }
    let mut visits = Numbered { first: wraps + len(wrapped), known: BTreeMap::new(), order: Vec::new() };
    for (number, function) in wrapped.iter().enumerate() {
        let place = &places[function.memory];
        let at = Place { first_check: imported + PER_MEMORY * index(function.memory), ..*place };
        let import = sources.iter().position(|source| **source == function.source).map_or(0, index);
        let body = wrap(function, import, &at, &mut visits);
        guard.define(&function.params, &function.results, body);
        exports.export(&number.to_string(), ExportKind::Func, wraps + index(number));
    }
    let mut made = 0;
    while let Some((memory, visit)) = visits.order.get(made).cloned() {
        let place = Place { first_check: imported + PER_MEMORY * index(memory), ..places[memory] };
        let body = visit.function(&mut Within { visits: &mut visits, memory, place: &place });
        guard.define(&[ValType::I32, ValType::I32], &[], body);
        made += 1;
    }

    let mut names = NameSection::new();
    names.module("memctl-guard");
    let mut module = Module::new();
    module.section(&guard.types).section(&imports).section(&guard.functions).section(&exports);
    module.section(&guard.code).section(&names);
    module.finish()
}

/// Where a guard finds a memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) pair: Pair,
    // Index of the check for loads; that for stores comes next, and then what loads the hulls.
    pub(super) first_check: u32,
    pub(super) first_hull: Option<u32>,
}

fn places(memories: &[Guarded]) -> Vec<Place> {
    let mut globals = 0;
    let place = |(number, memory): (u32, &Guarded)| {
        let first_hull = memory.hulls.is_some().then_some(globals);
        globals += if memory.hulls.is_some() { 4 } else { 0 };
        let pair = Pair {
            guest: 2 * number,
            shield: 2 * number + 1,
            page_size_log2: memory.guest.1.page_size_log2.unwrap_or(16),
        };
        Place { pair, first_check: 0, first_hull }
    };
    (0..).zip(memories).map(place).collect()
}

/// The sections that grow with each function.
#[derive(Default)]
struct Guard {
    types: TypeSection,
    known: BTreeMap<(Vec<u8>, Vec<u8>), u32>,
    functions: FunctionSection,
    code: CodeSection,
}

impl Guard {
    fn ty(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let next = self.types.len();
        let key = |types: &[ValType]| {
            let mut bytes = Vec::new();
            for ty in types {
                wasm_encoder::Encode::encode(ty, &mut bytes);
            }
            bytes
        };
        let ty = *self.known.entry((key(params), key(results))).or_insert(next);
        if ty == next {
            self.types.ty().function(params.iter().copied(), results.iter().copied());
        }
        ty
    }

    fn define(&mut self, params: &[ValType], results: &[ValType], body: Function) {
        let ty = self.ty(params, results);
        self.functions.function(ty);
        self.code.function(&body);
    }
}

/// The functions that walks call, in the order in which they are made.
pub(super) struct Numbered {
    first: u32,
    known: BTreeMap<(usize, Visit), u32>,
    order: Vec<(usize, Visit)>,
}

/// The same, for walks through one memory.
pub(super) struct Within<'a> {
    pub(super) visits: &'a mut Numbered,
    pub(super) memory: usize,
    pub(super) place: &'a Place,
}

impl Visits for Within<'_> {
    fn index(&mut self, visit: Visit) -> u32 {
        let next = self.visits.first + len(&self.visits.order);
        let key = (self.memory, visit);
        let found = *self.visits.known.entry(key.clone()).or_insert(next);
        if found == next {
            self.visits.order.push(key);
        }
        found
    }

    fn check(&self) -> u32 {
        self.place.first_check
    }

    fn memory(&self) -> u32 {
        self.place.pair.guest
    }
}

pub(super) fn len<T>(items: &[T]) -> u32 {
    index(items.len())
}

fn index(number: usize) -> u32 {
    u32::try_from(number).expect("a component has fewer definitions")
}
