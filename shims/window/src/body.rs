//! Rewriting a function: calls become instructions.

use wasm_encoder::{Function, Instruction, reencode::Reencode as _};
use wasmparser::{FunctionBody, Operator};

use crate::{Error, convert::MemoryRef, layout::Layout, link::Rename, report::Report, scratch::Scratch};

/// A function after rewriting.
pub(crate) struct Rewritten {
    pub(crate) function: Function,
    /// Where instructions were, as offsets in the file, and where they are, as offsets in the new body.
    pub(crate) moved: Vec<(usize, usize)>,
}

/// Rewrites function `number` (by its number before).
pub(crate) fn rewrite(
    number: u32,
    body: &FunctionBody<'_>,
    layout: &Layout<'_>,
    rename: &mut Rename,
    report: &mut Report,
) -> Result<Rewritten, Error> {
    let (count, declared) = layout.locals(number, body)?;
    let mut rewriting =
        Rewriting { rename, report, scratch: Scratch::behind(count), out: Vec::new(), constants: Vec::new() };
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        rewriting.operator(operator, offset)?;
    }
    reader.finish()?;
    let Rewriting { out, scratch, rename, .. } = rewriting;
    let mut locals = Vec::new();
    for (count, ty) in declared {
        locals.push((count, rename.val_type(ty)?));
    }
    locals.extend(scratch.locals());
    let mut function = Function::new(locals);
    let mut moved: Vec<(usize, usize)> = Vec::new();
    for (offset, instruction) in &out {
        if moved.last().is_none_or(|(last, _)| last != offset) {
            moved.push((*offset, function.byte_len()));
        }
        function.instruction(instruction);
    }
    Ok(Rewritten { function, moved })
}

struct Rewriting<'r, 'w> {
    rename: &'r mut Rename,
    report: &'r mut Report,
    scratch: Scratch,
    /// Instructions, each with the offset in the file of the one that it belongs to.
    out: Vec<(usize, Instruction<'w>)>,
    /// The constants that were pushed last and are still to be written: two at most, since no function takes more numbers of windows.
    constants: Vec<(usize, i32)>,
}

impl<'w> Rewriting<'_, 'w> {
    fn operator(&mut self, operator: Operator<'w>, offset: usize) -> Result<(), Error> {
        match operator {
            Operator::I32Const { value } => {
                if self.constants.len() == 2 {
                    let (offset, value) = self.constants.remove(0);
                    self.out.push((offset, Instruction::I32Const(value)));
                }
                self.constants.push((offset, value));
                return Ok(());
            }
            Operator::Call { function_index } if self.replaced(function_index, offset) => return Ok(()),
            Operator::ReturnCall { function_index } if self.replaced(function_index, offset) => {
                self.out.push((offset, Instruction::Return));
                return Ok(());
            }
            _ => {}
        }
        self.write_constants();
        self.out.push((offset, self.rename.instruction(operator)?));
        Ok(())
    }

    /// Writes what stands in place of a call, unless it stays a call of the same function.
    fn replaced(&mut self, callee: u32, offset: usize) -> bool {
        let Some((function, _)) = self.rename.shims.imports.get(&callee).copied() else { return false };
        let Some(first) = self.constants.len().checked_sub(function.selectors()) else {
            self.report.calls += 1;
            return false;
        };
        let numbers: Vec<i32> = self.constants[first..].iter().map(|(_, number)| *number).collect();
        let windows: Option<Vec<MemoryRef>> = numbers.iter().map(|number| self.rename.shims.window(*number)).collect();
        let Some(windows) = windows else {
            let unknown = numbers.iter().filter(|number| self.rename.shims.window(**number).is_none());
            self.report.no_windows.extend(unknown.map(|number| number.cast_unsigned()));
            self.constants.truncate(first);
            self.write_constants();
            self.out.push((offset, Instruction::Unreachable));
            return true;
        };
        self.scratch.free();
        if let Some(code) = self.rename.shims.inline(callee, &windows, &mut self.scratch) {
            self.constants.truncate(first);
            self.write_constants();
            self.out.extend(code.into_iter().map(|instruction| (offset, instruction)));
            self.report.inlined += 1;
        } else {
            self.write_constants();
            let one = numbers.first().and_then(|number| self.rename.shims.for_one(callee, number.cast_unsigned()));
            self.out.extend(one.map(|one| (offset, Instruction::Call(one))));
            self.report.calls += 1;
        }
        true
    }

    fn write_constants(&mut self) {
        let constants = self.constants.drain(..);
        self.out.extend(constants.map(|(offset, value)| (offset, Instruction::I32Const(value))));
    }
}
