//! Guests in the text format: one for each instruction, with a function for each offset and form of its operands.

use std::fmt::Write;

use crate::guest::{SENTINEL, SYNC};
use crate::instruction::{Instruction, Type};
use crate::model::Kind;

/// The type of a memory's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// i32
    Bits32,
    /// i64
    Bits64,
}

impl Width {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Bits32, Self::Bits64];

    /// The type's name.
    #[must_use]
    pub fn name(self) -> Type {
        match self {
            Self::Bits32 => "i32",
            Self::Bits64 => "i64",
        }
    }

    /// A number modulo the largest address and 1.
    #[must_use]
    pub fn wrap(self, number: u64) -> u64 {
        match self {
            Self::Bits32 => number & 0xffff_ffff,
            Self::Bits64 => number,
        }
    }
}

/// Where the operands come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Locals.
    Locals,
    /// They are computed, and the address is kept in a local on the way.
    Computed,
    /// The address is a constant.
    Constant(u64),
}

/// One function of a guest. It takes an address and a seed for the values, unless the address is a constant.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// Where the operands come from.
    pub form: Form,
    /// The instruction's offset.
    pub offset: u64,
}

/// Size of the guests' memory in bytes.
pub const MEMORY: u64 = 0x2_0000;

/// A module with an instruction in functions, which are exported by their numbers.
#[must_use]
pub fn guest(instruction: &Instruction, width: Width, functions: &[Function]) -> String {
    let ty = width.name();
    let index = if width == Width::Bits64 { "i64 " } else { "" };
    let shared = if instruction.waits() { " shared" } else { "" };
    let [from, sync] = SYNC;
    let (sentinel, address) = SENTINEL;
    let mut text = format!(
        r#"(module
  (import "{from}" "{sync}" (func $sync))
  (memory (export "memory") {index}2 2{shared})
  (func (export "sync") (call $sync))
  (func (export "{sentinel}") (drop (i32.load8_u ({ty}.const {address}))))
"#
    );
    for (number, function) in functions.iter().enumerate() {
        let result = instruction.result.map(|ty| format!(" (result {ty})")).unwrap_or_default();
        let _ = writeln!(text, "  (func (export \"{number}\") (param $address {ty}) (param $seed i64){result}");
        for (number, ty) in instruction.operands.iter().enumerate() {
            let _ = writeln!(text, "    (local $operand{number} {ty})");
        }
        text += &body(instruction, ty, *function);
        text += ")\n";
    }
    text + ")"
}

fn body(instruction: &Instruction, ty: Type, function: Function) -> String {
    let mut before = String::new();
    let mut operands = match function.form {
        Form::Locals => "(local.get $address)".to_owned(),
        Form::Computed => {
            format!("(local.tee $address ({ty}.xor ({ty}.add (local.get $address) ({ty}.const 77)) ({ty}.const 0)))")
        }
        Form::Constant(address) => format!("({ty}.const {})", signed(ty, address)),
    };
    if function.form == Form::Computed {
        let _ = writeln!(before, "    (local.set $address ({ty}.sub (local.get $address) ({ty}.const 77)))");
    }
    for (number, ty) in instruction.operands.iter().enumerate() {
        let value = operand(instruction, ty, number);
        if function.form == Form::Computed {
            let _ = write!(operands, " {value}");
        } else {
            let _ = writeln!(before, "    (local.set $operand{number} {value})");
            let _ = write!(operands, " (local.get $operand{number})");
        }
    }
    let lane = instruction.lane.map(|lane| format!(" {lane}")).unwrap_or_default();
    let Instruction { name, .. } = instruction;
    format!("{before}    ({name} offset={}{lane} {operands})", function.offset)
}

/// A value that depends on the seed, but for what a memory full of [`FILL`] is compared with.
fn operand(instruction: &Instruction, ty: Type, number: usize) -> String {
    let compared = instruction.name.contains("cmpxchg") && number == 0;
    match ty {
        _ if instruction.waits() && number == 1 => "(i64.const 0)".into(),
        "i32" if compared || instruction.waits() => format!("(i32.const {})", expected(instruction, 4)),
        "i64" if compared || instruction.waits() => format!("(i64.const {})", expected(instruction, 8)),
        "i32" => "(i32.wrap_i64 (local.get $seed))".into(),
        "i64" => "(local.get $seed)".into(),
        "f32" => "(f32.reinterpret_i32 (i32.wrap_i64 (local.get $seed)))".into(),
        "f64" => "(f64.reinterpret_i64 (local.get $seed))".into(),
        "v128" => "(i64x2.replace_lane 1 (i64x2.splat (local.get $seed)) (i64.const 0x1122334455667788))".into(),
        other => unreachable!("no operand is of type {other}"),
    }
}

/// What the memory is full of where instructions compare.
pub const FILL: u8 = 0x5a;

fn expected(instruction: &Instruction, most: u64) -> String {
    format!("0x{}", format!("{FILL:02x}").repeat(usize::try_from(instruction.size.min(most)).expect("small")))
}

/// Byte `at` of a memory before anything is stored.
#[must_use]
pub fn initial(instruction: &Instruction, at: usize) -> u8 {
    let compares = instruction.kind == Kind::Store && instruction.result.is_some() || instruction.waits();
    if compares { FILL } else { (at * 31 + at / 251).to_le_bytes()[0] }
}

fn signed(ty: Type, number: u64) -> String {
    if ty == "i32" {
        i32::from_le_bytes(number.to_le_bytes()[..4].try_into().expect("4 bytes")).to_string()
    } else {
        number.cast_signed().to_string()
    }
}
