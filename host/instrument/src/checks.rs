//! Checks: which instructions get one, and where it stands.

use wasm_encoder::{Instruction, ValType};
use wasmparser::Operator;

use crate::{
    Error,
    body::{Body, Failure, Operand},
    emit::Emitted,
    runtime::Helper,
    touch::{self, Access, Kind, Touch},
};

impl<'w> Body<'_, '_, 'w> {
    /// Puts in what checks an instruction; the function to call in its place, if there is one.
    pub(crate) fn check(&mut self, op: &Operator<'_>, offset: usize) -> Result<Option<u32>, Error> {
        let checked =
            |memory: u32, kind| self.all.guards.all.get(memory as usize).is_some_and(|guard| guard.is_checked(kind));
        let helper = match touch::touch(op) {
            Touch::None => return Ok(None),
            Touch::Unknown => {
                let what = format!("{op:?}");
                return Err(Error::Unsupported { offset, function: None, what });
            }
            Touch::One(access) => {
                let waits_in_vain = access.waits && !self.all.guards.all[access.memarg.memory as usize].shared;
                if checked(access.memarg.memory, access.kind) && !waits_in_vain {
                    self.check_one(access);
                }
                return Ok(None);
            }
            Touch::Fill { memory } if checked(memory, Kind::Store) => Helper::Fill { guard: memory },
            Touch::Init { memory, data } if checked(memory, Kind::Store) => Helper::Init { guard: memory, data },
            Touch::Copy { to, from } if checked(to, Kind::Store) || checked(from, Kind::Load) => {
                Helper::Copy { to, from }
            }
            Touch::Fill { .. } | Touch::Init { .. } | Touch::Copy { .. } => return Ok(None),
        };
        self.all.tally.bulk.put_in += 1;
        Ok(Some(self.all.runtime.get(helper)))
    }

    fn check_one(&mut self, access: Access) {
        let Access { kind, size, memarg, above, .. } = access;
        let guards = self.all.guards;
        let guard = &guards.all[memarg.memory as usize];
        let Some(operand) = self.stack.len().checked_sub(above + 1).map(|at| self.stack[at]) else { return };
        let bound = guard.bound(kind);
        let facts = self.flow.facts();
        let least = facts.least(operand.value, &self.values);
        let bounds = least.saturating_add(memarg.offset) < bound;
        let size = u64::from(size);
        let table = guard.hulls.is_some() && !facts.is_allowed(operand.value, memarg.memory, kind, memarg.offset, size);
        let tally = if kind == Kind::Load { &mut self.all.tally.loads } else { &mut self.all.tally.stores };
        if bounds || table {
            tally.put_in += 1;
        } else {
            tally.left_out += 1;
        }
        if bounds {
            // A byte below the bound is in the memory; an access that begins there is so too, unless the memory may end right there.
            let certain = bound.saturating_add(16) <= guard.initial && !access.atomic;
            if certain && self.failure == Failure::Shared && self.out.has_room_to_fail() {
                self.check_shared(access, operand);
            } else {
                let test = if certain && guard.in_force.is_none() { Test::CertainBound } else { Test::Bound };
                self.check_in_place(access, operand, test);
            }
            self.flow.facts().learn_least(operand.value, bound - memarg.offset, &self.values);
        }
        if table {
            self.check_in_place(access, operand, Test::Hull);
            self.flow.facts().learn_allowed(operand.value, memarg.memory, kind, memarg.offset, size);
        }
    }

    /// A check that branches to the function's end with the address.
    fn check_shared(&mut self, access: Access, operand: Operand) {
        let guard = &self.all.guards.all[access.memarg.memory as usize];
        let fail = self.out.fail(access.memarg.memory, access.kind, access.memarg.offset, guard.address());
        let nesting = self.validator.control_stack_height() - 1;
        let below = below(guard.address(), guard.bound(access.kind) - access.memarg.offset);
        let test = |out: &mut Emitted<'w>, local| {
            out.push(Instruction::LocalGet(local));
            below.iter().for_each(|instruction| out.push(instruction.clone()));
            out.push_fail(nesting, fail);
        };
        let place =
            if access.above == 0 { Some(self.out.len()) } else { operand.pushed.filter(|at| *at >= self.pure_from) };
        // Right where it was pushed the local still has the operand's value.
        let local = if place.is_some() && place == operand.pushed { operand.local } else { self.local_of(operand) };
        if let Some(at) = place {
            let mut out = Emitted::default();
            let local = local.unwrap_or_else(|| {
                let local = self.scratch.take(guard.address(), at, self.out.len());
                out.push(Instruction::LocalTee(local));
                local
            });
            test(&mut out, local);
            self.insert(at, out);
        } else {
            let local = local.unwrap_or_else(|| self.spilled(access, operand));
            self.out.push(Instruction::LocalGet(local));
            test(&mut self.out, local);
            self.out.push(Instruction::Drop);
        }
    }

    /// A check that calls, if its first test fails, what looks at the access precisely and returns if it is allowed.
    fn check_in_place(&mut self, access: Access, operand: Operand, test: Test) {
        let Access { kind, size, atomic, memarg, .. } = access;
        let guards = self.all.guards;
        let guard = &guards.all[memarg.memory as usize];
        let check = self.all.runtime.get(Helper::Check { guard: memarg.memory, kind, size, atomic });
        let address = self.local_of(operand).unwrap_or_else(|| self.spilled(access, operand));
        let wide = guard.memory64;
        let mut code = vec![Instruction::LocalGet(address)];
        match test {
            Test::Bound | Test::CertainBound => code.extend(below(guard.address(), guard.bound(kind) - memarg.offset)),
            Test::Hull => {
                if memarg.offset != 0 {
                    code.extend([constant(guard.address(), memarg.offset), add(wide)]);
                }
                let [loads_first, loads_more, stores_first, stores_more] = guard.hulls.unwrap_or_default();
                let (first, more) = match kind {
                    Kind::Load => (loads_first, loads_more),
                    Kind::Store => (stores_first, stores_more),
                };
                code.extend([Instruction::GlobalGet(first), sub(wide), Instruction::GlobalGet(more)]);
                code.push(if wide { Instruction::I64LeU } else { Instruction::I32LeU });
            }
        }
        code.push(Instruction::If(wasm_encoder::BlockType::Empty));
        code.extend([Instruction::LocalGet(address), constant(guard.address(), memarg.offset)]);
        code.push(Instruction::Call(check));
        if test == Test::CertainBound {
            // It doesn't return, and the engine needn't keep anything for when it would.
            code.push(Instruction::Unreachable);
        }
        code.push(Instruction::End);
        code.into_iter().for_each(|instruction| self.out.push(instruction));
    }

    /// A local that has the operand's value.
    fn local_of(&mut self, operand: Operand) -> Option<u32> {
        operand.local.filter(|local| self.flow.facts().holds(*local, operand.value))
    }

    /// Sees to it that the address is in a local too.
    fn spilled(&mut self, access: Access, operand: Operand) -> u32 {
        let ty = self.all.guards.all[access.memarg.memory as usize].address();
        if let Some(at) = operand.pushed {
            let local = self.scratch.take(ty, at, self.out.len());
            let mut out = Emitted::default();
            out.push(Instruction::LocalTee(local));
            self.insert(at, out);
            return local;
        }
        let mut above = Vec::new();
        for depth in 0..access.above {
            let ty = self.validator.get_operand_type(depth).flatten();
            let local = self.scratch.take(number_type(ty), self.out.len(), self.out.len());
            above.push(local);
            self.out.push(Instruction::LocalSet(local));
        }
        let local = self.scratch.take(ty, self.out.len(), self.out.len());
        self.out.push(Instruction::LocalTee(local));
        for local in above.into_iter().rev() {
            self.out.push(Instruction::LocalGet(local));
        }
        local
    }

    fn insert(&mut self, at: usize, new: Emitted<'w>) {
        let len = new.len();
        self.out.insert(at, new);
        self.scratch.moved(at, len);
        if self.pure_from > at {
            self.pure_from += len;
        }
    }
}

/// What a check in place compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Bound,
    /// The same, where nothing that fails it is allowed or would trap anyway.
    CertainBound,
    Hull,
}

fn add(wide: bool) -> Instruction<'static> {
    if wide { Instruction::I64Add } else { Instruction::I32Add }
}

fn sub(wide: bool) -> Instruction<'static> {
    if wide { Instruction::I64Sub } else { Instruction::I32Sub }
}

#[expect(clippy::cast_possible_truncation, reason = "numbers for a 32-bit memory are below 2^32")]
fn constant(ty: ValType, value: u64) -> Instruction<'static> {
    match ty {
        ValType::I64 => Instruction::I64Const(value.cast_signed()),
        _ => Instruction::I32Const((value as u32).cast_signed()),
    }
}

/// Compares the address on the stack with a limit.
fn below(ty: ValType, limit: u64) -> Vec<Instruction<'static>> {
    match ty {
        ValType::I64 => vec![constant(ty, limit), Instruction::I64LtU],
        // All of a memory of 4 GiB.
        _ if limit > u32::MAX.into() => vec![Instruction::Drop, Instruction::I32Const(1)],
        _ => vec![constant(ty, limit), Instruction::I32LtU],
    }
}

/// The type of an operand that is a number.
pub(crate) fn number_type(ty: Option<wasmparser::ValType>) -> ValType {
    match ty {
        Some(wasmparser::ValType::I64) => ValType::I64,
        Some(wasmparser::ValType::F32) => ValType::F32,
        Some(wasmparser::ValType::F64) => ValType::F64,
        Some(wasmparser::ValType::V128) => ValType::V128,
        _ => ValType::I32,
    }
}
