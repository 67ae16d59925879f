//! The functions of a module that act on windows, and those that are generated for them.

use std::collections::BTreeMap;

use crate::{
    convert::{Code, MemoryRef},
    dispatch,
    function::Function,
    scratch::Scratch,
};

/// A function that is generated. Its type is that of the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    /// Which import it stands for.
    import: u32,
    /// The window that it is for, if it isn't for all.
    window: Option<u32>,
}

/// A function that is generated.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    pub(crate) name: String,
    pub(crate) type_index: u32,
    pub(crate) body: wasm_encoder::Function,
}

/// The memories, the functions that act on them, and what was generated for them so far.
pub(crate) struct Shims {
    pub(crate) memory: MemoryRef,
    /// From window 1 on.
    pub(crate) windows: Vec<MemoryRef>,
    /// By the import's number, with the number of its type.
    pub(crate) imports: BTreeMap<u32, (Function, u32)>,
    first: u32,
    numbers: BTreeMap<Key, u32>,
    generated: Vec<Option<Generated>>,
}

impl Shims {
    /// `first` is the number of the first function that is generated.
    pub(crate) fn new(
        memory: MemoryRef,
        windows: Vec<MemoryRef>,
        imports: BTreeMap<u32, (Function, u32)>,
        first: u32,
    ) -> Self {
        Self { memory, windows, imports, first, numbers: BTreeMap::new(), generated: Vec::new() }
    }

    /// The window of this number.
    pub(crate) fn window(&self, number: i32) -> Option<MemoryRef> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.windows.get(at).copied()
    }

    /// How many windows there are.
    pub(crate) fn count(&self) -> u32 {
        number(self.windows.len())
    }

    /// The instructions that stand in place of an import's call, if they can.
    pub(crate) fn inline(&self, import: u32, windows: &[MemoryRef], scratch: &mut Scratch) -> Option<Code> {
        let (function, _) = self.imports.get(&import)?;
        crate::code::inline(*function, self.memory, windows, self.count(), scratch)
    }

    /// The function that stands for an import; `None` if that is none of ours.
    pub(crate) fn for_all(&mut self, import: u32) -> Option<u32> {
        self.get(Key { import, window: None })
    }

    /// The function that stands for an import where the window is known.
    pub(crate) fn for_one(&mut self, import: u32, window: u32) -> Option<u32> {
        self.get(Key { import, window: Some(window) })
    }

    fn get(&mut self, key: Key) -> Option<u32> {
        if let Some(known) = self.numbers.get(&key) {
            return Some(*known);
        }
        let (function, type_index) = *self.imports.get(&key.import)?;
        let at = self.generated.len();
        let number = self.first + number(at);
        self.numbers.insert(key, number);
        // Before its body, which may need others.
        self.generated.push(None);
        let which = key.window.map_or_else(String::new, |window| format!(".{window}"));
        let name = format!("{}.{}{which}", function.abi.module(), function.name());
        let body = match key.window.and_then(|window| self.window(window.cast_signed())) {
            Some(window) => dispatch::one(self, function, window),
            None => dispatch::all(self, key.import, function),
        };
        self.generated[at] = Some(Generated { name, type_index, body });
        Some(number)
    }

    /// What was generated, in the order of its numbers.
    pub(crate) fn generated(&self) -> impl Iterator<Item = &Generated> {
        self.generated.iter().flatten()
    }

    /// The number of the first function that is generated.
    pub(crate) fn first(&self) -> u32 {
        self.first
    }
}

/// A count that is known to fit: wasm has no index space that is larger.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
