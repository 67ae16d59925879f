//! Which numbers a module's shields and hulls have, and the code that moves hulls from the one to the other.

use memctl_core::{Bounds, Shield};
use wasm_encoder::{BlockType, Function, GlobalType, MemArg, ValType, reencode::Reencode as _};

use crate::{
    Options,
    added::{Added, number},
    exports::{self, Hull},
    layout::{Layout, Memory},
    rename::Rename,
    touch::Kind,
};

/// What guards a memory.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// The memory, by its new number.
    pub(crate) memory: u32,
    pub(crate) memory64: bool,
    pub(crate) page_size_log2: u32,
    /// Its size at the beginning, in bytes.
    pub(crate) initial: u64,
    pub(crate) bounds: Bounds,
    /// Memory that is its shield, by its new number.
    pub(crate) shield: u32,
    /// Globals with the hulls in the order of [`Hull::ALL`], if the table is checked.
    pub(crate) hulls: Option<[u32; 4]>,
    /// Global that is 0 until the start function has returned, from when on what is declared is in force; None if that is so from the start.
    pub(crate) in_force: Option<u32>,
    pub(crate) shared: bool,
}

impl Guard {
    pub(crate) fn address(&self) -> ValType {
        if self.memory64 { ValType::I64 } else { ValType::I32 }
    }

    /// Where the declared part ends in which something of this kind is stopped.
    pub(crate) fn bound(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Load => self.bounds.no_access,
            Kind::Store => self.bounds.read_only,
        }
    }

    /// Whether there is anything to check.
    pub(crate) fn is_checked(&self, kind: Kind) -> bool {
        self.bound(kind) > 0 || self.hulls.is_some()
    }

    pub(crate) fn in_shield(&self, offset: u64, align: u32) -> MemArg {
        MemArg { offset, align, memory_index: self.shield }
    }

    fn hull_type(&self) -> GlobalType {
        GlobalType { val_type: self.address(), mutable: true, shared: false }
    }
}

/// All guards of a module.
#[derive(Clone, Debug)]
pub(crate) struct Guards {
    pub(crate) all: Vec<Guard>,
    imported: usize,
    capacity: u32,
    granule: u64,
    /// See [`Guard::in_force`].
    pub(crate) in_force: Option<u32>,
}

impl Guards {
    pub(crate) fn number(layout: &Layout<'_>, options: &Options, rename: &Rename, table: bool) -> Self {
        let imported = layout.imported_memories();
        let defined = layout.memories.len() - imported;
        let mut hulls = 0..;
        let guard = |(index, memory): (usize, &Memory)| {
            let index = number(index);
            let shield =
                if memory.imported { index + number(imported) } else { rename.memory(index) + number(defined) };
            let first = if memory.imported { layout.imported_globals } else { layout.global_count };
            Guard {
                memory: rename.memory(index),
                memory64: memory.ty.memory64,
                page_size_log2: memory.ty.page_size_log2.unwrap_or(16),
                initial: memory.initial_bytes(),
                bounds: memory.bounds,
                shield,
                hulls: table.then(|| [(); 4].map(|()| first + hulls.next().unwrap_or(u32::MAX))),
                in_force: None,
                shared: memory.ty.shared,
            }
        };
        let mut all: Vec<Guard> = layout.memories.iter().enumerate().map(guard).collect();
        let in_force = layout.global_count + hulls.next().unwrap_or(u32::MAX);
        let mut waits = false;
        if layout.start().is_some() {
            for guard in all.iter_mut().skip(imported).filter(|guard| guard.bounds != Bounds::NONE) {
                guard.in_force = Some(in_force);
                waits = true;
            }
        }
        let in_force = waits.then_some(in_force);
        Self { all, imported, capacity: options.shield.capacity(), granule: options.granule.bytes(), in_force }
    }

    pub(crate) fn imported(&self) -> &[Guard] {
        &self.all[..self.imported]
    }

    pub(crate) fn defined(&self) -> &[Guard] {
        &self.all[self.imported..]
    }

    /// What the shield of a memory that the module defines has in it from the start.
    pub(crate) fn contents(&self, guard: &Guard) -> [u8; 80] {
        Shield {
            distance: number(self.all.len() - self.imported),
            capacity: self.capacity,
            granule: if guard.bounds == Bounds::NONE { 0 } else { self.granule },
            declared: guard.bounds,
            checks_table: guard.hulls.is_some(),
        }
        .to_bytes()
    }

    /// Globals that are new, with what they are at first: no ranges, and not in force.
    pub(crate) fn new_globals(&self) -> impl Iterator<Item = (GlobalType, wasm_encoder::ConstExpr)> {
        let hulls = self.defined().iter().filter(|guard| guard.hulls.is_some()).flat_map(|guard| {
            Hull::ALL.map(|part| {
                let none = if matches!(part, Hull::LoadsFirst | Hull::StoresFirst) { -1 } else { 0 };
                let value = match guard.address() {
                    ValType::I64 => wasm_encoder::ConstExpr::i64_const(none.into()),
                    _ => wasm_encoder::ConstExpr::i32_const(none),
                };
                (guard.hull_type(), value)
            })
        });
        let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        hulls.chain(self.in_force.map(|_| (ty, wasm_encoder::ConstExpr::i32_const(0))))
    }

    /// Adds the function that starts the module in place of its own, if what it declares is in force only then.
    pub(crate) fn wrap_start(
        &self,
        layout: &Layout<'_>,
        rename: &mut Rename,
        added: &mut Added,
    ) -> Result<(), crate::Error> {
        if let (Some(global), Some(start)) = (self.in_force, layout.start()) {
            let nothing = added.function_type(&[], &[]);
            let mut body = Function::new([]);
            body.instructions().call(rename.function_index(start)?).i32_const(1).global_set(global).end();
            let wrapper = added.announce("memctl.start".to_owned(), nothing);
            added.define(wrapper, body);
            rename.start = Some(wrapper);
        }
        Ok(())
    }

    /// Types of hulls that are imported, with their parts and the index of the guard.
    pub(crate) fn imported_hulls(&self) -> impl Iterator<Item = (usize, Hull, GlobalType)> {
        self.imported()
            .iter()
            .enumerate()
            .filter(|(_, guard)| guard.hulls.is_some())
            .flat_map(|(index, guard)| Hull::ALL.map(|part| (index, part, guard.hull_type())))
    }

    /// Adds the functions that stand before imports of the interfaces that change protection: they call the import, and then load the hulls.
    pub(crate) fn wrap(&self, layout: &Layout<'_>, rename: &mut Rename, added: &mut Added) -> Result<(), crate::Error> {
        if !self.all.iter().any(|guard| guard.hulls.is_some()) {
            return Ok(());
        }
        let wrapped = |module: &str| module.starts_with(exports::CONTROL);
        if !layout.imported_functions.iter().any(|import| wrapped(import.module)) {
            return Ok(());
        }
        let nothing = added.function_type(&[], &[]);
        let reload = added.announce("memctl.load_hulls".to_owned(), nothing);
        added.define(reload, self.load_hulls());
        for (index, import) in layout.imported_functions.iter().enumerate() {
            if !wrapped(import.module) {
                continue;
            }
            let ty = layout.types.as_ref().core_type_at_in_module(import.type_index);
            let params = layout.types[ty].unwrap_func().params().len();
            let mut body = Function::new([]);
            let mut code = body.instructions();
            for param in 0..number(params) {
                code.local_get(param);
            }
            code.call(number(index)).call(reload).end();
            let name = format!("memctl.{}/{}", import.module, import.field);
            let wrapper = added.announce(name, import.type_index);
            added.define(wrapper, body);
            rename.wrapped.insert(number(index), wrapper);
        }
        Ok(())
    }

    fn load_hulls(&self) -> Function {
        let mut body = Function::new([(1, ValType::I64)]);
        let mut code = body.instructions();
        for guard in &self.all {
            for (part, global) in Hull::ALL.into_iter().zip(guard.hulls.into_iter().flatten()) {
                code.i32_const(0).i64_load(guard.in_shield(part.place(), 3));
                if !guard.memory64 {
                    // A number that no address of the memory reaches becomes the largest.
                    code.local_tee(0).i64_const(0xffff_ffff).i64_gt_u().if_(BlockType::Result(ValType::I32));
                    code.i32_const(-1).else_().local_get(0).i32_wrap_i64().end();
                }
                code.global_set(global);
            }
        }
        code.end();
        body
    }
}
