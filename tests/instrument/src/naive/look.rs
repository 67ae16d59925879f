//! What the oracle is told of each instruction.

use wasm_encoder::{Function, Instruction, ValType};
use wasmparser::Operator;

use super::{ATOMIC, BULK, DROP, NEW, Naive, PROBE, SEGMENT, STORE, WAIT};

impl Naive {
    /// Looks at an instruction, if it is an access.
    pub(super) fn look(&self, function: &mut Function, operator: &Operator<'_>) {
        use ValType::{I32, I64, V128};
        match *operator {
            Operator::MemoryFill { mem } => {
                let ty = self.address(mem);
                self.around(function, &[ty, I32, ty], &[Check::bulk(mem, 0, 2, STORE | NEW)]);
            }
            Operator::MemoryInit { mem, data_index } => {
                let segment = Check { kind: SEGMENT | NEW, ..Check::bulk(data_index, 1, 2, 0) };
                self.around(function, &[self.address(mem), I32, I32], &[segment, Check::bulk(mem, 0, 2, STORE)]);
            }
            Operator::DataDrop { data_index } => {
                let size = Size::Bytes(0);
                function.instruction(&Instruction::I32Const(0));
                self.around(
                    function,
                    &[I32],
                    &[Check { memory: data_index, address: 0, offset: 0, size, kind: DROP | NEW }],
                );
                function.instruction(&Instruction::Drop);
            }
            Operator::MemoryCopy { dst_mem, src_mem } => {
                let (to, from) = (self.address(dst_mem), self.address(src_mem));
                let len = if to == from { to } else { I32 };
                // Both must be inside before either is looked at.
                let probe = Check { kind: PROBE | NEW, ..Check::bulk(dst_mem, 0, 2, 0) };
                let checks = [probe, Check::bulk(src_mem, 1, 2, 0), Check::bulk(dst_mem, 0, 2, STORE)];
                self.around(function, &[to, from, len], &checks);
            }
            _ => {
                let text = format!("{operator:?}");
                let Some((name, arg)) = text.split_once(" { memarg: MemArg {") else { return };
                if name.contains("Notify") {
                    return;
                }
                let memory = u32::try_from(number(arg, "memory: ")).expect("an index");
                let ty = match &name[..3] {
                    "I32" => I32,
                    "I64" => I64,
                    "F32" => ValType::F32,
                    "F64" => ValType::F64,
                    "V12" => V128,
                    _ if name.ends_with("Wait32") => I32,
                    _ if name.ends_with("Wait64") => I64,
                    _ => panic!("{name} is no access that the oracle knows"),
                };
                let loads = name.contains("Load") || name.contains("Wait");
                let mut operands = vec![self.address(memory)];
                if name.contains("Cmpxchg") {
                    operands.extend([ty, ty]);
                } else if name.contains("Wait") {
                    operands.extend([ty, I64]);
                } else if !name.contains("Load") || name.ends_with("Lane") {
                    operands.push(ty);
                }
                let mut kind = if loads { NEW } else { STORE | NEW };
                kind |= if name.contains("Atomic") { ATOMIC } else { 0 };
                kind |= if name.contains("Wait") { WAIT } else { 0 };
                let size = Size::Bytes(1 << number(arg, "max_align: "));
                let check = Check { memory, address: 0, offset: number(arg, "offset: "), size, kind };
                self.around(function, &operands, &[check]);
            }
        }
    }
}

impl Naive {
    /// The operands go to locals, are looked at, and come back.
    fn around(&self, function: &mut Function, operands: &[ValType], checks: &[Check]) {
        let locals: Vec<_> = (0..).zip(operands).map(|(place, ty)| self.local(place, *ty)).collect();
        for local in locals.iter().rev() {
            function.instruction(&Instruction::LocalSet(*local));
        }
        if self.tames {
            for check in checks {
                let len = if let Size::Operand(place) = check.size { Some((place, 63)) } else { None };
                for (place, most) in [(check.address, 1023)].into_iter().chain(len) {
                    function.instruction(&Instruction::LocalGet(locals[place]));
                    if operands[place] == ValType::I32 {
                        function.instruction(&Instruction::I32Const(most)).instruction(&Instruction::I32And);
                    } else {
                        function.instruction(&Instruction::I64Const(most.into())).instruction(&Instruction::I64And);
                    }
                    function.instruction(&Instruction::LocalSet(locals[place]));
                }
            }
        }
        for check in checks.iter().filter(|_| !self.tames) {
            let long = |function: &mut Function, place: usize| {
                function.instruction(&Instruction::LocalGet(locals[place]));
                if operands[place] == ValType::I32 {
                    function.instruction(&Instruction::I64ExtendI32U);
                }
            };
            function.instruction(&Instruction::I32Const(check.memory.cast_signed()));
            long(function, check.address);
            function.instruction(&Instruction::I64Const(check.offset.cast_signed()));
            match check.size {
                Size::Bytes(bytes) => {
                    function.instruction(&Instruction::I64Const(bytes.cast_signed()));
                }
                Size::Operand(place) => long(function, place),
            }
            function.instruction(&Instruction::I32Const(check.kind));
            function.instruction(&Instruction::Call(self.imported));
        }
        for local in &locals {
            function.instruction(&Instruction::LocalGet(*local));
        }
    }

    fn local(&self, place: u32, ty: ValType) -> u32 {
        let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64, ValType::V128];
        let at = types.iter().position(|other| *other == ty).expect("a number");
        self.locals + u32::try_from(at).expect("small") * 3 + place
    }
}

/// How many bytes.
enum Size {
    Bytes(u64),
    /// What the operand says.
    Operand(usize),
}

/// One question to the oracle.
struct Check {
    memory: u32,
    /// Which operand.
    address: usize,
    offset: u64,
    size: Size,
    kind: i32,
}

impl Check {
    fn bulk(memory: u32, address: usize, len: usize, kind: i32) -> Self {
        Self { memory, address, offset: 0, size: Size::Operand(len), kind: kind | BULK }
    }
}

fn number(text: &str, name: &str) -> u64 {
    let (_, after) = text.split_once(name).expect("it is printed");
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}
