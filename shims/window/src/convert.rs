//! Numbers that the guest passes, made as wide as an instruction needs them.

use wasm_encoder::{BlockType, Instruction, MemArg, ValType};

use crate::scratch::Scratch;

/// Code that is being generated.
pub(crate) type Code = Vec<Instruction<'static>>;

/// Makes the operands on top of the stack, of types `given` (the topmost last), those that are `needed`. An address or length that is too large for an
/// address of `trap_in` traps, as one past that memory's end.
pub(crate) fn operands(
    code: &mut Code,
    given: &[ValType],
    needed: &[ValType],
    trap_in: MemoryRef,
    scratch: &mut Scratch,
) {
    let Some(first) = given.iter().zip(needed).position(|(given, needed)| given != needed) else { return };
    let above: Vec<u32> = given[first + 1..].iter().map(|ty| scratch.take(*ty)).collect();
    code.extend(above.iter().rev().map(|local| Instruction::LocalSet(*local)));
    one(code, given[first], needed[first], trap_in, scratch);
    for (at, local) in above.into_iter().enumerate() {
        code.push(Instruction::LocalGet(local));
        one(code, given[first + 1 + at], needed[first + 1 + at], trap_in, scratch);
    }
}

fn one(code: &mut Code, given: ValType, needed: ValType, trap_in: MemoryRef, scratch: &mut Scratch) {
    match (given, needed) {
        (ValType::I32, ValType::I64) => code.push(Instruction::I64ExtendI32U),
        (ValType::I64, ValType::I32) => {
            let wide = scratch.take(ValType::I64);
            code.extend([
                Instruction::LocalTee(wide),
                Instruction::I64Const(u32::MAX.into()),
                Instruction::I64GtU,
                Instruction::If(BlockType::Empty),
            ]);
            outside(code, trap_in);
            code.extend([Instruction::End, Instruction::LocalGet(wide), Instruction::I32WrapI64]);
        }
        _ => {}
    }
}

/// A memory that code is generated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryRef {
    /// Its number in the module.
    pub(crate) index: u32,
    pub(crate) memory64: bool,
    /// log2 of its page size.
    pub(crate) page_size_log2: u32,
}

impl MemoryRef {
    pub(crate) fn address(self) -> ValType {
        if self.memory64 { ValType::I64 } else { ValType::I32 }
    }

    pub(crate) fn constant(self, number: i32) -> Instruction<'static> {
        if self.memory64 { Instruction::I64Const(number.into()) } else { Instruction::I32Const(number) }
    }

    /// Byte `offset` behind the address on the stack, for an access that may not be aligned.
    pub(crate) fn unaligned(self) -> MemArg {
        MemArg { offset: 0, align: 0, memory_index: self.index }
    }

    /// Pushes its size in bytes, as 64 bits.
    pub(crate) fn size(self, code: &mut Code) {
        code.push(Instruction::MemorySize(self.index));
        if !self.memory64 {
            code.push(Instruction::I64ExtendI32U);
        }
        if self.page_size_log2 > 0 {
            code.extend([Instruction::I64Const(self.page_size_log2.into()), Instruction::I64Shl]);
        }
    }
}

/// Traps as any access past the end does: 8 bytes from the last address on fit in no memory.
pub(crate) fn outside(code: &mut Code, memory: MemoryRef) {
    code.extend([memory.constant(-1), Instruction::I64Load(memory.unaligned()), Instruction::Drop]);
}
