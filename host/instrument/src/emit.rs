//! Instructions of a function that is being rewritten, until it is known what goes around them.

use wasm_encoder::{BlockType, Function, Instruction, ValType};

use crate::{Error, body::Bodies, runtime::Helper, touch::Kind};

/// Failures that share a place at a function's end, at most.
const MOST_FAILS: usize = 500;

#[derive(Clone, Debug)]
enum Item<'w> {
    Plain(Instruction<'w>),
    /// A branch to a failure, from inside so many blocks.
    Fail {
        nesting: u32,
        fail: usize,
    },
}

/// A place at the function's end that checks branch to with an address.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fail {
    guard: u32,
    kind: Kind,
    offset: u64,
    address: ValType,
}

/// Instructions, each with the offset in the file of the one that it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Emitted<'w> {
    items: Vec<(usize, Item<'w>)>,
    fails: Vec<Fail>,
    offset: usize,
    end: usize,
}

impl<'w> Emitted<'w> {
    /// What follows belongs to the instruction at `offset`.
    pub(crate) fn at(&mut self, offset: usize) {
        self.offset = offset;
    }

    pub(crate) fn end_at(&mut self, offset: usize) {
        self.end = offset;
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn push(&mut self, instruction: Instruction<'w>) {
        self.items.push((self.offset, Item::Plain(instruction)));
    }

    pub(crate) fn push_fail(&mut self, nesting: u32, fail: usize) {
        self.items.push((self.offset, Item::Fail { nesting, fail }));
    }

    /// Whether there aren't too many failures already: each is a block around the function.
    pub(crate) fn has_room_to_fail(&self) -> bool {
        self.fails.len() < MOST_FAILS
    }

    /// The failure of accesses that have this in common.
    pub(crate) fn fail(&mut self, guard: u32, kind: Kind, offset: u64, address: ValType) -> usize {
        let fail = Fail { guard, kind, offset, address };
        self.fails.iter().position(|known| *known == fail).unwrap_or_else(|| {
            self.fails.push(fail);
            self.fails.len() - 1
        })
    }

    /// Puts instructions in earlier, before number `at`; they belong to what comes before them.
    pub(crate) fn insert(&mut self, at: usize, new: Self) {
        let offset = if at == self.items.len() { self.offset } else { self.items[at.saturating_sub(1)].0 };
        self.items.splice(at..at, new.items.into_iter().map(|(_, item)| (offset, item)));
    }

    /// The function, and where its instructions were and are. `around` is what the body returns if there are branches to its end.
    pub(crate) fn finish(
        self,
        mut locals: Vec<(u32, ValType)>,
        scratch: Scratch,
        around: Option<Option<ValType>>,
        all: &mut Bodies<'_>,
    ) -> Result<(Function, Vec<(usize, usize)>), Error> {
        locals.extend(scratch.types.into_iter().map(|ty| (1, ty)));
        let mut function = Function::new(grouped(locals));
        let around = around.filter(|_| !self.fails.is_empty());
        for fail in self.fails.iter().rev() {
            function.instruction(&Instruction::Block(BlockType::Result(fail.address)));
        }
        if let Some(result) = around {
            function.instruction(&Instruction::Block(result.map_or(BlockType::Empty, BlockType::Result)));
        }
        let inside = u32::from(around.is_some());
        let mut moved = Vec::new();
        for (offset, item) in &self.items {
            if moved.last().is_none_or(|(last, _)| last != offset) {
                moved.push((*offset, function.byte_len()));
            }
            match item {
                Item::Plain(instruction) => function.instruction(instruction),
                Item::Fail { nesting, fail } => {
                    function.instruction(&Instruction::BrIf(nesting + inside + crate::added::number(*fail)))
                }
            };
        }
        moved.push((self.end, function.byte_len()));
        if around.is_some() {
            function.instruction(&Instruction::End);
        }
        for (number, fail) in self.fails.iter().enumerate() {
            if number == 0 {
                function.instruction(&Instruction::Return);
            }
            let check = Helper::Check { guard: fail.guard, kind: fail.kind, size: 1, atomic: false };
            let check = all.runtime.get(check);
            function.instruction(&Instruction::End);
            function.instruction(&match fail.address {
                ValType::I64 => Instruction::I64Const(fail.offset.cast_signed()),
                #[expect(clippy::cast_possible_truncation, reason = "offsets in a 32-bit memory are below 2^32")]
                _ => Instruction::I32Const((fail.offset as u32).cast_signed()),
            });
            function.instruction(&Instruction::Call(check)).instruction(&Instruction::Unreachable);
        }
        function.instruction(&Instruction::End);
        Ok((function, moved))
    }
}

fn grouped(locals: Vec<(u32, ValType)>) -> Vec<(u32, ValType)> {
    let mut groups: Vec<(u32, ValType)> = Vec::new();
    for (count, ty) in locals {
        match groups.last_mut() {
            Some((more, last)) if *last == ty => *more += count,
            _ => groups.push((count, ty)),
        }
    }
    groups
}

/// Locals that are added.
#[derive(Debug)]
pub(crate) struct Scratch {
    first: u32,
    types: Vec<ValType>,
    /// Up to which instruction each is in use.
    until: Vec<usize>,
}

impl Scratch {
    pub(crate) fn behind(first: u32) -> Self {
        Self { first, types: Vec::new(), until: Vec::new() }
    }

    /// A local that nothing uses between two instructions, and from now on in use to the second.
    pub(crate) fn take(&mut self, ty: ValType, from: usize, to: usize) -> u32 {
        let free = (0..self.types.len()).find(|at| self.types[*at] == ty && self.until[*at] <= from);
        let at = free.unwrap_or_else(|| {
            self.types.push(ty);
            self.until.push(0);
            self.types.len() - 1
        });
        // The check that uses it comes right behind.
        self.until[at] = to + 16;
        self.first + crate::added::number(at)
    }

    /// So many instructions were put in at a place.
    pub(crate) fn moved(&mut self, at: usize, len: usize) {
        for until in &mut self.until {
            if *until > at {
                *until += len;
            }
        }
    }
}
