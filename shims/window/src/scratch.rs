//! Locals that generated code puts values aside in.

use wasm_encoder::ValType;

/// Locals behind a function's own. Each stretch of generated code begins with all of them free.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    first: u32,
    types: Vec<ValType>,
    taken: Vec<bool>,
}

impl Scratch {
    /// `locals` is how many the function has, its parameters included.
    pub(crate) fn behind(locals: u32) -> Self {
        Self { first: locals, types: Vec::new(), taken: Vec::new() }
    }

    /// What was put aside is not needed any more.
    pub(crate) fn free(&mut self) {
        self.taken.fill(false);
    }

    /// A local for a value.
    pub(crate) fn take(&mut self, ty: ValType) -> u32 {
        let mut places = self.types.iter().zip(&self.taken);
        let at = places.position(|(known, taken)| *known == ty && !taken).unwrap_or_else(|| {
            self.types.push(ty);
            self.taken.push(false);
            self.types.len() - 1
        });
        self.taken[at] = true;
        self.first + crate::shims::number(at)
    }

    /// The locals that have to be declared behind the function's own.
    pub(crate) fn locals(&self) -> impl Iterator<Item = (u32, ValType)> {
        self.types.iter().map(|ty| (1, *ty))
    }
}
