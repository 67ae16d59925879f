//! What a function does, as instructions on a window that is known.

use wasm_encoder::{Instruction, ValType};

use crate::{
    convert::{self, Code, MemoryRef},
    function::{Function, Operation, Role},
    scratch::Scratch,
};

/// The instructions that take the function's parameters but for the numbers of windows from the stack and leave its result there. None for what is too long to
/// stand in place of a call.
pub(crate) fn inline(
    function: Function,
    memory: MemoryRef,
    windows: &[MemoryRef],
    count: u32,
    scratch: &mut Scratch,
) -> Option<Code> {
    let mut code = Code::new();
    let window = windows.first().copied();
    let end = match function.operation {
        Operation::Compare => return None,
        Operation::Count => vec![Instruction::I32Const(count.cast_signed())],
        Operation::Size => {
            window?.size(&mut code);
            return Some(code);
        }
        Operation::Settle => vec![window?.constant(0), Instruction::MemoryGrow(window?.index), Instruction::Drop],
        Operation::Access(access) => vec![access.on(window?.index)],
        Operation::Fill => vec![Instruction::MemoryFill(window?.index)],
        Operation::CopyIn => vec![Instruction::MemoryCopy { dst_mem: window?.index, src_mem: memory.index }],
        Operation::CopyOut => vec![Instruction::MemoryCopy { dst_mem: memory.index, src_mem: window?.index }],
        Operation::CopyBetween => {
            vec![Instruction::MemoryCopy { dst_mem: window?.index, src_mem: windows.get(1)?.index }]
        }
    };
    if let Some(window) = window {
        let length = length(function.operation, memory, windows);
        let given: Vec<ValType> = function.roles().iter().map(|role| function.given(*role, memory.address())).collect();
        let needed: Vec<ValType> = function
            .roles()
            .iter()
            .map(|role| match role {
                Role::Address(which) => windows.get(*which).copied().unwrap_or(window).address(),
                Role::Pointer => memory.address(),
                Role::Length => length,
                Role::Value(value) => *value,
            })
            .collect();
        convert::operands(&mut code, &given, &needed, window, scratch);
    }
    code.extend(end);
    Some(code)
}

/// The type of a length, as the core specification has it: that of the smaller memory's addresses.
fn length(operation: Operation, memory: MemoryRef, windows: &[MemoryRef]) -> ValType {
    let copies = matches!(operation, Operation::CopyIn | Operation::CopyOut);
    let wide = windows.iter().all(|window| window.memory64) && (!copies || memory.memory64);
    if wide { ValType::I64 } else { ValType::I32 }
}
