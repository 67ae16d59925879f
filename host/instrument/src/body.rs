//! Rewriting one function: its instructions, with checks between them.

use wasm_encoder::{Function, Instruction, ValType, reencode::Reencode as _};
use wasmparser::{FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, ValidatorResources};

use crate::{
    Checks, Error,
    emit::{Emitted, Scratch},
    facts::{Value, Values},
    flow::Flow,
    prescan::Prescan,
    rename::Rename,
    runtime::{Helper, Runtime},
    shields::Guards,
    touch::{self, Access, Kind, Touch},
};

/// How checks fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Where they are: a debugger finds the line.
    InPlace,
    /// At the function's end, in one place for all that have kind and offset in common, where that is possible: smaller.
    Shared,
}

/// What was put in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) loads: Checks,
    pub(crate) stores: Checks,
    pub(crate) bulk: Checks,
}

/// What all functions of a module share while they are rewritten.
pub(crate) struct Bodies<'g> {
    pub(crate) guards: &'g Guards,
    pub(crate) rename: Rename,
    pub(crate) runtime: Runtime<'g>,
    pub(crate) tally: Tally,
    pub(crate) failure: Failure,
}

/// A function after rewriting.
pub(crate) struct Rewritten {
    pub(crate) function: Function,
    /// Where instructions were, as offsets in the file, and where they are, as offsets in the new body.
    pub(crate) moved: Vec<(usize, usize)>,
}

impl Bodies<'_> {
    pub(crate) fn rewrite(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
    ) -> Result<Rewritten, Error> {
        let index = function.index;
        Body::rewrite(self, function, body).map_err(|error| in_function(error, index))
    }
}

fn in_function(error: Error, index: u32) -> Error {
    match error {
        Error::Invalid { offset, message, .. } => Error::Invalid { offset, message, function: Some(index) },
        Error::Unsupported { offset, what, .. } => Error::Unsupported { offset, what, function: Some(index) },
        other => other,
    }
}

/// An operand.
#[derive(Clone, Copy, Debug)]
struct Operand {
    value: Value,
    /// A local that had the value when the operand was pushed.
    local: Option<u32>,
    /// Number of instructions up to where it is on top of the stack, if there is such a place.
    pushed: Option<usize>,
}

struct Body<'b, 'g, 'w> {
    all: &'b mut Bodies<'g>,
    validator: FuncValidator<ValidatorResources>,
    out: Emitted<'w>,
    scratch: Scratch,
    failure: Failure,
    stack: Vec<Operand>,
    flow: Flow,
    values: Values,
    /// From this instruction on everything is pure.
    pure_from: usize,
}

impl<'w> Body<'_, '_, 'w> {
    fn rewrite(
        all: &mut Bodies<'_>,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'w>,
    ) -> Result<Rewritten, Error> {
        let results = results(&function);
        let mut validator = function.into_validator(FuncValidatorAllocations::default());
        validator.read_locals(&mut body.get_binary_reader())?;
        let prescan = Prescan::of(body)?;
        let failure = match &results {
            Some(results) if results.len() <= 1 || !prescan.branches_out => all.failure,
            _ => Failure::InPlace,
        };
        let mut locals = Vec::new();
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.push((count, all.rename.val_type(ty)?));
        }
        let around = prescan.branches_out.then(|| results.and_then(|results| results.first().copied()));
        let scratch = Scratch::behind(validator.len_locals());
        let mut body_ = Body {
            all,
            validator,
            out: Emitted::default(),
            scratch,
            failure,
            stack: Vec::new(),
            flow: Flow::new(prescan.loops),
            values: Values::default(),
            pure_from: 0,
        };
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let (op, offset) = reader.read_with_offset()?;
            body_.operator(op, offset)?;
        }
        reader.finish()?;
        let Body { out, scratch, .. } = body_;
        let (function, moved) = out.finish(locals, scratch, around, all)?;
        Ok(Rewritten { function, moved })
    }

    fn operator(&mut self, op: Operator<'w>, offset: usize) -> Result<(), Error> {
        self.out.at(offset);
        let reachable = self.reachable();
        let mut replaced = None;
        if reachable {
            replaced = self.check(&op, offset)?;
        }
        let kept = self.kept(&op);
        self.flow.before(&op, &mut self.values)?;
        let new = reachable.then(|| self.result(&op));
        self.validator.op(offset, &op)?;
        let is_end = self.validator.control_stack_height() == 0;
        if let Some(call) = replaced {
            self.out.push(Instruction::Call(call));
        } else if !is_end {
            let instruction = self.all.rename.instruction(op.clone())?;
            self.out.push(instruction);
        }
        if is_end {
            self.out.end_at(offset);
            return Ok(());
        }
        if !touch::is_pure(&op) {
            self.pure_from = self.out.len();
        }
        self.flow.after(&op, self.reachable(), &mut self.values);
        self.adjust(kept, new.flatten());
        Ok(())
    }

    fn reachable(&self) -> bool {
        self.validator.get_control_frame(0).is_some_and(|frame| !frame.unreachable)
    }

    /// How many operands an instruction leaves as they are.
    fn kept(&self, op: &Operator<'_>) -> usize {
        let block = self.validator.get_control_frame(0).map_or(0, |frame| frame.height);
        let ends = matches!(
            op,
            Operator::End | Operator::Else | Operator::Catch { .. } | Operator::CatchAll | Operator::Delegate { .. }
        );
        let arity = if ends || !self.reachable() { None } else { op.operator_arity(&self.validator) };
        arity.map_or(block, |(pops, _)| self.stack.len().saturating_sub(pops as usize))
    }

    /// Brings the operands into line with the validator's.
    fn adjust(&mut self, kept: usize, new: Option<Operand>) {
        let height = self.validator.operand_stack_height() as usize;
        self.stack.truncate(kept.min(height));
        while self.stack.len() < height {
            let pushed = (self.stack.len() + 1 == height).then(|| self.out.len());
            let unknown = Operand { value: self.values.unknown(), local: None, pushed };
            let operand = new.filter(|_| pushed.is_some()).map_or(unknown, |operand| Operand { pushed, ..operand });
            self.stack.push(operand);
        }
    }

    /// What an instruction pushes, if more is known of it than that it is new, and what it does to locals.
    fn result(&mut self, op: &Operator<'_>) -> Option<Operand> {
        let (stack, values) = (&self.stack, &mut self.values);
        let from_top = |depth: usize| stack.len().checked_sub(depth + 1).map(|at| stack[at]);
        let known = |value, local| Some(Operand { value, local, pushed: None });
        match op {
            Operator::LocalGet { local_index } => {
                known(self.flow.facts().local(*local_index, values), Some(*local_index))
            }
            Operator::LocalSet { local_index } => {
                self.flow.facts().set_local(*local_index, from_top(0)?.value);
                None
            }
            Operator::LocalTee { local_index } => {
                let top = from_top(0)?;
                self.flow.facts().set_local(*local_index, top.value);
                known(top.value, Some(*local_index))
            }
            Operator::I32Const { value } => known(values.constant(value.cast_unsigned().into()), None),
            Operator::I64Const { value } => known(values.constant(value.cast_unsigned()), None),
            Operator::I32Add | Operator::I64Add => {
                let (a, b) = (from_top(1)?.value, from_top(0)?.value);
                let (base, more) = match (values.as_constant(a), values.as_constant(b)) {
                    (_, Some(more)) => (a, more),
                    (Some(more), None) => (b, more),
                    (None, None) => return None,
                };
                known(values.plus(base, signed(more, op)), None)
            }
            Operator::I32Sub | Operator::I64Sub => {
                let less = values.as_constant(from_top(0)?.value)?;
                known(values.plus(from_top(1)?.value, signed(less, op).checked_neg()?), None)
            }
            _ => None,
        }
    }

    /// Puts in what checks an instruction; the function to call in its place, if there is one.
    fn check(&mut self, op: &Operator<'_>, offset: usize) -> Result<Option<u32>, Error> {
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
            if certain && self.failure == Failure::Shared {
                self.check_shared(access, operand);
            } else {
                self.check_in_place(access, operand, Test::Bound);
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
            Test::Bound => code.extend(below(guard.address(), guard.bound(kind) - memarg.offset)),
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
        code.extend([Instruction::Call(check), Instruction::End]);
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
#[derive(Clone, Copy, Debug)]
enum Test {
    Bound,
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

/// The signed number that an instruction on numbers of 32 or 64 bits adds or takes away.
#[expect(clippy::cast_possible_truncation, reason = "the constant came from 32 bits")]
fn signed(constant: u64, op: &Operator<'_>) -> i64 {
    match op {
        Operator::I32Add | Operator::I32Sub => (constant as u32).cast_signed().into(),
        _ => constant.cast_signed(),
    }
}

fn number_type(ty: Option<wasmparser::ValType>) -> ValType {
    match ty {
        Some(wasmparser::ValType::I64) => ValType::I64,
        Some(wasmparser::ValType::F32) => ValType::F32,
        Some(wasmparser::ValType::F64) => ValType::F64,
        Some(wasmparser::ValType::V128) => ValType::V128,
        _ => ValType::I32,
    }
}

/// What a function returns, if that is numbers only.
fn results(function: &FuncToValidate<ValidatorResources>) -> Option<Vec<ValType>> {
    use wasmparser::WasmModuleResources as _;
    let ty = function.resources.sub_type_at(function.ty)?;
    let results = ty.unwrap_func().results();
    let number = |ty: &wasmparser::ValType| (!ty.is_reference_type()).then(|| number_type(Some(*ty)));
    results.iter().map(number).collect()
}
