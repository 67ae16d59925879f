//! The function that compares bytes of a window with bytes of memory 0.

use wasm_encoder::{BlockType, Instruction, ValType};

use crate::{
    convert::{self, Code, MemoryRef},
    function::Abi,
};

// Parameters.
const IN_WINDOW: u32 = 0;
const IN_MEMORY: u32 = 1;
const LEN: u32 = 2;

/// What it needs besides its four parameters.
pub(crate) fn locals(window: MemoryRef) -> Vec<ValType> {
    vec![ValType::I64, ValType::I64, ValType::I64, window.address()]
}

const LEFT: u32 = 4;
const THIS: u32 = 5;
const THAT: u32 = 6;
const AT: u32 = 7;

/// Its body. The bounds come first, so that what differs early doesn't hide a range that is none; then 8 bytes at a time, then single bytes.
pub(crate) fn body(abi: Abi, window: MemoryRef, memory: MemoryRef) -> Code {
    let mut code = Code::new();
    wide(&mut code, LEN, abi.address());
    code.push(Instruction::LocalSet(LEFT));
    bounds(&mut code, IN_WINDOW, abi.address(), window);
    bounds(&mut code, IN_MEMORY, memory.address(), memory);
    code.push(Instruction::LocalGet(IN_WINDOW));
    match (abi.address(), window.memory64) {
        (ValType::I64, false) => code.push(Instruction::I32WrapI64),
        (ValType::I32, true) => code.push(Instruction::I64ExtendI32U),
        _ => {}
    }
    code.push(Instruction::LocalSet(AT));

    step(
        &mut code,
        window,
        memory,
        8,
        Instruction::I64Load,
        &[
            // The lowest byte that differs, shifted down.
            Instruction::LocalGet(THIS),
            Instruction::LocalGet(THIS),
            Instruction::LocalGet(THAT),
            Instruction::I64Xor,
            Instruction::I64Ctz,
            Instruction::I64Const(0x38),
            Instruction::I64And,
            Instruction::LocalTee(LEFT),
            Instruction::I64ShrU,
            Instruction::I64Const(0xff),
            Instruction::I64And,
            Instruction::LocalGet(THAT),
            Instruction::LocalGet(LEFT),
            Instruction::I64ShrU,
            Instruction::I64Const(0xff),
            Instruction::I64And,
        ],
    );
    step(
        &mut code,
        window,
        memory,
        1,
        Instruction::I64Load8U,
        &[Instruction::LocalGet(THIS), Instruction::LocalGet(THAT)],
    );
    code.push(Instruction::I32Const(0));
    code
}

/// Pushes a parameter as 64 bits.
fn wide(code: &mut Code, param: u32, ty: ValType) {
    code.push(Instruction::LocalGet(param));
    if ty == ValType::I32 {
        code.push(Instruction::I64ExtendI32U);
    }
}

/// Traps if `LEFT` bytes from a parameter on are not all in a memory.
fn bounds(code: &mut Code, param: u32, ty: ValType, memory: MemoryRef) {
    code.push(Instruction::LocalGet(LEFT));
    memory.size(code);
    code.extend([Instruction::LocalTee(THIS), Instruction::I64GtU]);
    wide(code, param, ty);
    code.extend([
        Instruction::LocalGet(THIS),
        Instruction::LocalGet(LEFT),
        Instruction::I64Sub,
        Instruction::I64GtU,
        Instruction::I32Or,
        Instruction::If(BlockType::Empty),
    ]);
    convert::outside(code, memory);
    code.push(Instruction::End);
}

/// Compares `bytes` at a time while so many are left. `differing` pushes two bytes that differ.
fn step(
    code: &mut Code,
    window: MemoryRef,
    memory: MemoryRef,
    bytes: i32,
    load: fn(wasm_encoder::MemArg) -> Instruction<'static>,
    differing: &[Instruction<'static>],
) {
    code.extend([
        Instruction::Loop(BlockType::Empty),
        Instruction::LocalGet(LEFT),
        Instruction::I64Const(bytes.into()),
        Instruction::I64GeU,
        Instruction::If(BlockType::Empty),
        Instruction::LocalGet(AT),
        load(window.unaligned()),
        Instruction::LocalTee(THIS),
        Instruction::LocalGet(IN_MEMORY),
        load(memory.unaligned()),
        Instruction::LocalTee(THAT),
        Instruction::I64Ne,
        Instruction::If(BlockType::Empty),
    ]);
    code.extend_from_slice(differing);
    code.extend([Instruction::I64Sub, Instruction::I32WrapI64, Instruction::Return, Instruction::End]);
    for (local, memory) in [(AT, window), (IN_MEMORY, memory)] {
        let add = if memory.memory64 { Instruction::I64Add } else { Instruction::I32Add };
        code.extend([Instruction::LocalGet(local), memory.constant(bytes), add, Instruction::LocalSet(local)]);
    }
    code.extend([
        Instruction::LocalGet(LEFT),
        Instruction::I64Const(bytes.into()),
        Instruction::I64Sub,
        Instruction::LocalSet(LEFT),
        Instruction::Br(1),
        Instruction::End,
        Instruction::End,
    ]);
}
