//! Every instruction of the specification that loads from memory or stores to it, but for those that take a length.

use crate::model::{Alignment, Kind};

/// A type of a value, as the text format calls it.
pub type Type = &'static str;

/// An instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// Its name in the text format.
    pub name: String,
    /// How many bytes it touches.
    pub size: u64,
    /// How.
    pub kind: Kind,
    /// Whether they have to be aligned.
    pub alignment: Alignment,
    /// What it takes behind the address.
    pub operands: Vec<Type>,
    /// What it gives.
    pub result: Option<Type>,
    /// The lane, if it has one.
    pub lane: Option<u8>,
}

impl Instruction {
    fn new(name: impl Into<String>, size: u64, kind: Kind, operands: &[Type], result: Option<Type>) -> Self {
        let (name, operands) = (name.into(), operands.to_vec());
        Self { name, size, kind, alignment: Alignment::Free, operands, result, lane: None }
    }

    fn atomic(mut self) -> Self {
        self.alignment = Alignment::Natural;
        self
    }

    fn lane(mut self, lane: u8) -> Self {
        self.lane = Some(lane);
        self
    }

    /// Whether Cranelift makes it a loop that begins with a load: the processor has no instruction that gives the old value.
    #[must_use]
    pub fn loads_first(&self) -> bool {
        [".and", ".or", ".xor"].iter().any(|op| self.name.contains(&format!("{op}_")) || self.name.ends_with(op))
            && self.alignment == Alignment::Natural
    }

    /// Whether it waits, which only shared memories let it.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.name.starts_with("memory.atomic.wait")
    }
}

/// Those of the first version: numbers.
#[must_use]
pub fn numbers() -> Vec<Instruction> {
    let loads = [
        ("i32.load", 4),
        ("i32.load8_s", 1),
        ("i32.load8_u", 1),
        ("i32.load16_s", 2),
        ("i32.load16_u", 2),
        ("i64.load", 8),
        ("i64.load8_s", 1),
        ("i64.load8_u", 1),
        ("i64.load16_s", 2),
        ("i64.load16_u", 2),
        ("i64.load32_s", 4),
        ("i64.load32_u", 4),
        ("f32.load", 4),
        ("f64.load", 8),
    ];
    let stores = [
        ("i32.store", 4),
        ("i32.store8", 1),
        ("i32.store16", 2),
        ("i64.store", 8),
        ("i64.store8", 1),
        ("i64.store16", 2),
        ("i64.store32", 4),
        ("f32.store", 4),
        ("f64.store", 8),
    ];
    let loads = loads.map(|(name, size)| Instruction::new(name, size, Kind::Load, &[], Some(&name[..3])));
    let stores = stores.map(|(name, size)| Instruction::new(name, size, Kind::Store, &[&name[..3]], None));
    [&loads[..], &stores].concat()
}

/// Those of vectors.
#[must_use]
pub fn vectors() -> Vec<Instruction> {
    let loads = [
        ("v128.load", 16),
        ("v128.load8x8_s", 8),
        ("v128.load8x8_u", 8),
        ("v128.load16x4_s", 8),
        ("v128.load16x4_u", 8),
        ("v128.load32x2_s", 8),
        ("v128.load32x2_u", 8),
        ("v128.load8_splat", 1),
        ("v128.load16_splat", 2),
        ("v128.load32_splat", 4),
        ("v128.load64_splat", 8),
        ("v128.load32_zero", 4),
        ("v128.load64_zero", 8),
    ];
    let mut all: Vec<_> =
        loads.into_iter().map(|(name, size)| Instruction::new(name, size, Kind::Load, &[], Some("v128"))).collect();
    all.push(Instruction::new("v128.store", 16, Kind::Store, &["v128"], None));
    for (bits, size, last) in [(8, 1, 15), (16, 2, 7), (32, 4, 3), (64, 8, 1)] {
        let load = format!("v128.load{bits}_lane");
        all.push(Instruction::new(load, size, Kind::Load, &["v128"], Some("v128")).lane(last));
        all.push(Instruction::new(format!("v128.store{bits}_lane"), size, Kind::Store, &["v128"], None).lane(last));
    }
    all
}

/// Those of the threads proposal.
#[must_use]
pub fn atomics() -> Vec<Instruction> {
    const WIDTHS: [(Type, &str, &str, u64); 7] = [
        ("i32", "", "", 4),
        ("i32", "8", "_u", 1),
        ("i32", "16", "_u", 2),
        ("i64", "", "", 8),
        ("i64", "8", "_u", 1),
        ("i64", "16", "_u", 2),
        ("i64", "32", "_u", 4),
    ];
    let mut all = Vec::new();
    for (ty, width, sign, size) in WIDTHS {
        let mut push = |name, kind, operands: &[Type], result| {
            all.push(Instruction::new(name, size, kind, operands, result).atomic());
        };
        push(format!("{ty}.atomic.load{width}{sign}"), Kind::Load, &[], Some(ty));
        push(format!("{ty}.atomic.store{width}"), Kind::Store, &[ty], None);
        for op in ["add", "sub", "and", "or", "xor", "xchg"] {
            push(format!("{ty}.atomic.rmw{width}.{op}{sign}"), Kind::Store, &[ty], Some(ty));
        }
        push(format!("{ty}.atomic.rmw{width}.cmpxchg{sign}"), Kind::Store, &[ty, ty], Some(ty));
    }
    all
}

/// Those that wait. The timeout is the last operand.
#[must_use]
pub fn waits() -> Vec<Instruction> {
    let wait = |name, size, ty| Instruction::new(name, size, Kind::Load, &[ty, "i64"], Some("i32")).atomic();
    vec![wait("memory.atomic.wait32", 4, "i32"), wait("memory.atomic.wait64", 8, "i64")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_them_are_there() {
        assert_eq!([numbers().len(), vectors().len(), atomics().len(), waits().len()], [23, 22, 63, 2]);
    }
}
