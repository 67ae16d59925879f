//! Functions that checks call: where an access is looked at precisely, and stopped.

use std::collections::BTreeMap;

use memctl_core::Shield;
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

use crate::{
    added::Added,
    shields::{Guard, Guards},
    touch::Kind,
};

#[expect(clippy::cast_possible_truncation, reason = "128")]
const HEADER: i32 = Shield::HEADER as i32;
#[expect(clippy::cast_possible_truncation, reason = "24")]
const ENTRY: i32 = Shield::ENTRY as i32;

/// A function that is made when the first check needs it. Numbers are those of guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Helper {
    /// `(base, offset)`: returns if the access is allowed, or would trap anyway.
    Check { guard: u32, kind: Kind, size: u8, atomic: bool },
    /// `(address: i64, size: i64)`: the same for bytes that lie in the memory.
    Judge { guard: u32, kind: Kind },
    /// `(address: i64)`: notes what was stopped, and traps.
    Stop { guard: u32, kind: Kind },
    /// In place of `memory.fill`.
    Fill { guard: u32 },
    /// In place of `memory.copy`.
    Copy { to: u32, from: u32 },
    /// In place of `memory.init`.
    Init { guard: u32, data: u32 },
}

/// The helpers that there are.
pub(crate) struct Runtime<'a> {
    guards: &'a Guards,
    pub(crate) added: Added,
    known: BTreeMap<Helper, u32>,
}

impl<'a> Runtime<'a> {
    pub(crate) fn new(guards: &'a Guards, added: Added) -> Self {
        Self { guards, added, known: BTreeMap::new() }
    }

    /// The function's number.
    pub(crate) fn get(&mut self, helper: Helper) -> u32 {
        if let Some(function) = self.known.get(&helper) {
            return *function;
        }
        let params = self.params(helper);
        let ty = self.added.function_type(&params, &[]);
        let function = self.added.announce(name(helper), ty);
        self.known.insert(helper, function);
        let body = match helper {
            Helper::Check { guard, kind, size, atomic } => self.check(guard, kind, size, atomic),
            Helper::Judge { guard, kind } => self.judge(guard, kind),
            Helper::Stop { guard, kind } => stop(self.guard(guard), kind),
            Helper::Fill { guard } => self.fill(guard),
            Helper::Copy { to, from } => self.copy(to, from),
            Helper::Init { guard, data } => self.init(guard, data),
        };
        self.added.define(function, body);
        function
    }

    fn guard(&self, guard: u32) -> &'a Guard {
        &self.guards.all[guard as usize]
    }

    fn params(&self, helper: Helper) -> Vec<ValType> {
        let address = |guard| self.guard(guard).address();
        match helper {
            Helper::Check { guard, .. } => vec![address(guard); 2],
            Helper::Judge { .. } => vec![ValType::I64; 2],
            Helper::Stop { .. } => vec![ValType::I64],
            Helper::Fill { guard } => vec![address(guard), ValType::I32, address(guard)],
            Helper::Copy { to, from } => vec![address(to), address(from), self.shorter(to, from)],
            Helper::Init { guard, .. } => vec![address(guard), ValType::I32, ValType::I32],
        }
    }

    /// The type of a length between two memories.
    fn shorter(&self, to: u32, from: u32) -> ValType {
        if self.guard(to).memory64 && self.guard(from).memory64 { ValType::I64 } else { ValType::I32 }
    }

    fn check(&mut self, guard: u32, kind: Kind, size: u8, atomic: bool) -> Function {
        let judge = self.get(Helper::Judge { guard, kind });
        let guard = self.guard(guard);
        let (base, offset, address) = (0, 1, 2);
        let mut body = Function::new([(1, ValType::I64)]);
        let mut code = body.instructions();
        widened(&mut code, base, guard.address());
        widened(&mut code, offset, guard.address());
        code.i64_add().local_set(address);
        // What would trap anyway does so in the instruction itself.
        code.block(BlockType::Empty);
        if guard.memory64 {
            code.local_get(address).local_get(offset).i64_lt_u().br_if(0);
        }
        if atomic {
            code.local_get(address).i64_const(i64::from(size) - 1).i64_and().i64_eqz().i32_eqz().br_if(0);
        }
        let size = |code: &mut InstructionSink<'_>| {
            code.i64_const(size.into());
        };
        leave_if_outside(&mut code, guard, &|code| _ = code.local_get(address), &size);
        code.local_get(address);
        size(&mut code);
        code.call(judge).end().end();
        body
    }

    fn judge(&mut self, guard: u32, kind: Kind) -> Function {
        let stop = self.get(Helper::Stop { guard, kind });
        let guard = self.guard(guard);
        let (address, size, at, end, start) = (0, 1, 2, 3, 4);
        let mut body = Function::new([(2, ValType::I32), (1, ValType::I64)]);
        let mut code = body.instructions();
        let bound = guard.bound(kind);
        if bound > 0 {
            code.local_get(address).i64_const(bound.cast_signed()).i64_lt_u();
            if let Some(in_force) = guard.in_force {
                code.global_get(in_force).i32_and();
            }
            code.if_(BlockType::Empty).local_get(address).call(stop).end();
        }
        if guard.hulls.is_some() {
            let (header, entry) = (HEADER, ENTRY);
            code.i32_const(header).local_set(at);
            code.i32_const(0).i32_load(guard.in_shield(Shield::COUNT, 2)).i32_const(entry).i32_mul();
            code.i32_const(header).i32_add().local_set(end);
            code.block(BlockType::Empty).loop_(BlockType::Empty);
            code.local_get(at).local_get(end).i32_ge_u().br_if(1);
            code.local_get(at).i64_load(guard.in_shield(0, 3)).local_tee(start);
            code.local_get(address).local_get(size).i64_add().i64_lt_u();
            code.local_get(address).local_get(at).i64_load(guard.in_shield(8, 3)).i64_lt_u().i32_and();
            if kind == Kind::Load {
                code.local_get(at).i64_load(guard.in_shield(16, 3)).i64_eqz().i32_and();
            }
            code.if_(BlockType::Empty);
            code.local_get(start).local_get(address).local_get(start).local_get(address).i64_gt_u().select();
            code.call(stop).end();
            code.local_get(at).i32_const(entry).i32_add().local_set(at).br(0).end().end();
        }
        code.end();
        body
    }

    fn fill(&mut self, at: u32) -> Function {
        let judge = self.get(Helper::Judge { guard: at, kind: Kind::Store });
        let guard = self.guard(at);
        let (to, value, len) = (0, 1, 2);
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.block(BlockType::Empty);
        leave_if_zero(&mut code, len, guard.address());
        leave_if_range_outside(&mut code, guard, to, (len, guard.address()));
        judge_range(&mut code, judge, guard, to, (len, guard.address()));
        code.end().local_get(to).local_get(value).local_get(len).memory_fill(guard.memory).end();
        body
    }

    fn copy(&mut self, to: u32, from: u32) -> Function {
        let len = (2, self.shorter(to, from));
        let load =
            self.guard(from).is_checked(Kind::Load).then(|| self.get(Helper::Judge { guard: from, kind: Kind::Load }));
        let store =
            self.guard(to).is_checked(Kind::Store).then(|| self.get(Helper::Judge { guard: to, kind: Kind::Store }));
        let (to, from) = (self.guard(to), self.guard(from));
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.block(BlockType::Empty);
        leave_if_zero(&mut code, len.0, len.1);
        leave_if_range_outside(&mut code, to, 0, len);
        leave_if_range_outside(&mut code, from, 1, len);
        if let Some(judge) = load {
            judge_range(&mut code, judge, from, 1, len);
        }
        if let Some(judge) = store {
            judge_range(&mut code, judge, to, 0, len);
        }
        code.end().local_get(0).local_get(1).local_get(2).memory_copy(to.memory, from.memory).end();
        body
    }

    fn init(&mut self, at: u32, data: u32) -> Function {
        let judge = self.get(Helper::Judge { guard: at, kind: Kind::Store });
        let guard = self.guard(at);
        let (to, from, len) = (0, 1, (2, ValType::I32));
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.block(BlockType::Empty);
        leave_if_zero(&mut code, len.0, len.1);
        leave_if_range_outside(&mut code, guard, to, len);
        code.local_get(from).local_get(len.0).i32_add().local_get(from).i32_lt_u().br_if(0);
        // The segment may be dropped: copying nothing from where the range ends traps if it ends past the segment.
        if guard.memory64 {
            code.i64_const(0);
        } else {
            code.i32_const(0);
        }
        code.local_get(from).local_get(len.0).i32_add().i32_const(0).memory_init(guard.memory, data);
        judge_range(&mut code, judge, guard, to, len);
        code.end().local_get(to).local_get(from).local_get(len.0).memory_init(guard.memory, data).end();
        body
    }
}

fn name(helper: Helper) -> String {
    let word = |kind| if kind == Kind::Load { "load" } else { "store" };
    match helper {
        Helper::Check { guard, kind, size, atomic } => {
            let atomic = if atomic { "atomic_" } else { "" };
            format!("memctl.check_{atomic}{}.{guard}.{size}", word(kind))
        }
        Helper::Judge { guard, kind } => format!("memctl.judge_{}.{guard}", word(kind)),
        Helper::Stop { guard, kind } => format!("memctl.stop_{}.{guard}", word(kind)),
        Helper::Fill { guard } => format!("memctl.fill.{guard}"),
        Helper::Copy { to, from } => format!("memctl.copy.{to}.{from}"),
        Helper::Init { guard, data } => format!("memctl.init.{guard}.{data}"),
    }
}

fn stop(guard: &Guard, kind: Kind) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    code.i32_const(0).i32_const(0).i32_load(guard.in_shield(Shield::STOPPED, 2)).i32_const(1).i32_add();
    code.i32_store(guard.in_shield(Shield::STOPPED, 2));
    let kind = if kind == Kind::Load { Shield::LOAD } else { Shield::STORE };
    code.i32_const(0).i32_const(kind.cast_signed()).i32_store(guard.in_shield(Shield::KIND, 2));
    code.i32_const(0).local_get(0).i64_store(guard.in_shield(Shield::ADDRESS, 3));
    // The trap of an access to a protected host page: out of the memory's bounds.
    let outside = MemArg { offset: u32::MAX.into(), align: 0, memory_index: guard.shield };
    code.i32_const(-1).i32_load8_u(outside).drop().unreachable().end();
    body
}

/// Pushes a local of an address type as an i64.
fn widened(code: &mut InstructionSink<'_>, local: u32, ty: ValType) {
    code.local_get(local);
    if ty == ValType::I32 {
        code.i64_extend_i32_u();
    }
}

fn leave_if_zero(code: &mut InstructionSink<'_>, local: u32, ty: ValType) {
    widened(code, local, ty);
    code.i64_eqz().br_if(0);
}

fn leave_if_range_outside(code: &mut InstructionSink<'_>, guard: &Guard, start: u32, (len, len_type): (u32, ValType)) {
    leave_if_outside(code, guard, &|code| widened(code, start, guard.address()), &|code| widened(code, len, len_type));
}

fn judge_range(code: &mut InstructionSink<'_>, judge: u32, guard: &Guard, start: u32, (len, len_type): (u32, ValType)) {
    widened(code, start, guard.address());
    widened(code, len, len_type);
    code.call(judge);
}

type Push<'a> = &'a dyn Fn(&mut InstructionSink<'_>);

/// Leaves the innermost block if a range doesn't lie in the memory.
fn leave_if_outside(code: &mut InstructionSink<'_>, guard: &Guard, start: Push<'_>, len: Push<'_>) {
    let bytes = |code: &mut InstructionSink<'_>| {
        code.memory_size(guard.memory);
        if !guard.memory64 {
            code.i64_extend_i32_u();
        }
        code.i64_const(guard.page_size_log2.into()).i64_shl();
    };
    len(code);
    bytes(code);
    code.i64_gt_u().br_if(0);
    start(code);
    bytes(code);
    len(code);
    code.i64_sub().i64_gt_u().br_if(0);
}
