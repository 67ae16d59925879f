//! Rewriting one function: its instructions, with checks between them.

use wasm_encoder::{Function, Instruction, ValType, reencode::Reencode as _};
use wasmparser::{FuncToValidate, FuncValidator, FuncValidatorAllocations, FunctionBody, Operator, ValidatorResources};

use crate::{
    Checks, Error,
    checks::number_type,
    emit::{Emitted, Scratch},
    facts::{Value, Values},
    flow::Flow,
    prescan::Prescan,
    rename::Rename,
    runtime::Runtime,
    shields::Guards,
    touch,
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
pub(crate) struct Operand {
    pub(crate) value: Value,
    /// A local that had the value when the operand was pushed.
    pub(crate) local: Option<u32>,
    /// Number of instructions up to where it is on top of the stack, if there is such a place.
    pub(crate) pushed: Option<usize>,
}

/// A function that is being rewritten.
pub(crate) struct Body<'b, 'g, 'w> {
    pub(crate) all: &'b mut Bodies<'g>,
    pub(crate) validator: FuncValidator<ValidatorResources>,
    pub(crate) out: Emitted<'w>,
    pub(crate) scratch: Scratch,
    pub(crate) failure: Failure,
    pub(crate) stack: Vec<Operand>,
    pub(crate) flow: Flow,
    pub(crate) values: Values,
    /// From this instruction on everything is pure.
    pub(crate) pure_from: usize,
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
}

/// The signed number that an instruction on numbers of 32 or 64 bits adds or takes away.
#[expect(clippy::cast_possible_truncation, reason = "the constant came from 32 bits")]
fn signed(constant: u64, op: &Operator<'_>) -> i64 {
    match op {
        Operator::I32Add | Operator::I32Sub => (constant as u32).cast_signed().into(),
        _ => constant.cast_signed(),
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
