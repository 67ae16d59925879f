//! The functions that a guest may import, and what they take.

use std::fmt;

use wasm_encoder::ValType;

use crate::access::{Access, Kind};

/// Module name of functions whose addresses in a window are 32-bit numbers.
pub const MODULE: &str = "memctl:window";

/// Module name of functions whose addresses in a window are 64-bit numbers.
pub const MODULE64: &str = "memctl:window64";

/// How wide a guest's addresses in windows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Abi {
    Window,
    Window64,
}

impl Abi {
    pub(crate) const ALL: [Self; 2] = [Self::Window, Self::Window64];

    pub(crate) fn of(module: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|abi| abi.module() == module)
    }

    pub(crate) fn module(self) -> &'static str {
        match self {
            Self::Window => MODULE,
            Self::Window64 => MODULE64,
        }
    }

    pub(crate) fn address(self) -> ValType {
        match self {
            Self::Window => ValType::I32,
            Self::Window64 => ValType::I64,
        }
    }
}

/// What a function does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Access(&'static Access),
    /// Memory 0 to window.
    CopyIn,
    /// Window to memory 0.
    CopyOut,
    /// Window to window.
    CopyBetween,
    Fill,
    /// Window with memory 0.
    Compare,
    Size,
    Settle,
    Count,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An address in the window that the first or the second number names.
    Address(usize),
    /// An address in memory 0.
    Pointer,
    /// A number of bytes.
    Length,
    Value(ValType),
}

/// A function that can be imported.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) abi: Abi,
    pub(crate) operation: Operation,
}

impl Function {
    pub(crate) fn named(abi: Abi, name: &str) -> Option<Self> {
        let operation = match name {
            "copy_in" => Operation::CopyIn,
            "copy_out" => Operation::CopyOut,
            "copy_between" => Operation::CopyBetween,
            "fill" => Operation::Fill,
            "compare" => Operation::Compare,
            "size" => Operation::Size,
            "settle" => Operation::Settle,
            "count" => Operation::Count,
            _ => Operation::Access(Access::named(name)?),
        };
        Some(Self { abi, operation })
    }

    pub(crate) fn name(self) -> &'static str {
        match self.operation {
            Operation::Access(access) => access.name,
            Operation::CopyIn => "copy_in",
            Operation::CopyOut => "copy_out",
            Operation::CopyBetween => "copy_between",
            Operation::Fill => "fill",
            Operation::Compare => "compare",
            Operation::Size => "size",
            Operation::Settle => "settle",
            Operation::Count => "count",
        }
    }

    /// The parameters before the numbers of windows.
    pub(crate) fn roles(self) -> &'static [Role] {
        const ADDRESS: Role = Role::Address(0);
        match self.operation {
            Operation::Access(access) => match (access.kind, access.value) {
                (Kind::Load | Kind::AtomicLoad, _) => &[ADDRESS],
                (Kind::Store | Kind::AtomicStore | Kind::Exchange, value) => match value {
                    ValType::I64 => &[ADDRESS, Role::Value(ValType::I64)],
                    ValType::F32 => &[ADDRESS, Role::Value(ValType::F32)],
                    ValType::F64 => &[ADDRESS, Role::Value(ValType::F64)],
                    ValType::V128 => &[ADDRESS, Role::Value(ValType::V128)],
                    _ => &[ADDRESS, Role::Value(ValType::I32)],
                },
                (Kind::CompareExchange, ValType::I64) => {
                    &[ADDRESS, Role::Value(ValType::I64), Role::Value(ValType::I64)]
                }
                (Kind::CompareExchange, _) => &[ADDRESS, Role::Value(ValType::I32), Role::Value(ValType::I32)],
            },
            Operation::CopyIn | Operation::Compare => &[ADDRESS, Role::Pointer, Role::Length],
            Operation::CopyOut => &[Role::Pointer, ADDRESS, Role::Length],
            Operation::CopyBetween => &[ADDRESS, Role::Address(1), Role::Length],
            Operation::Fill => &[ADDRESS, Role::Value(ValType::I32), Role::Length],
            Operation::Size | Operation::Settle | Operation::Count => &[],
        }
    }

    /// How many numbers of windows come last.
    pub(crate) fn selectors(self) -> usize {
        match self.operation {
            Operation::Count => 0,
            Operation::CopyBetween => 2,
            _ => 1,
        }
    }

    /// What the guest passes for a parameter.
    pub(crate) fn given(self, role: Role, pointer: ValType) -> ValType {
        match role {
            Role::Address(_) | Role::Length => self.abi.address(),
            Role::Pointer => pointer,
            Role::Value(value) => value,
        }
    }

    /// Its type where memory 0's addresses are `pointer`s.
    pub(crate) fn signature(self, pointer: ValType) -> Signature {
        let mut params: Vec<ValType> = self.roles().iter().map(|role| self.given(*role, pointer)).collect();
        params.extend(std::iter::repeat_n(ValType::I32, self.selectors()));
        let results = match self.operation {
            Operation::Access(access) => match access.kind {
                Kind::Store | Kind::AtomicStore => vec![],
                Kind::Load | Kind::AtomicLoad | Kind::Exchange | Kind::CompareExchange => vec![access.value],
            },
            Operation::Compare | Operation::Count => vec![ValType::I32],
            Operation::Size => vec![ValType::I64],
            _ => vec![],
        };
        Signature { params, results }
    }
}

/// A function's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) params: Vec<ValType>,
    pub(crate) results: Vec<ValType>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |types: &[ValType]| types.iter().map(|ty| word(*ty)).collect::<Vec<_>>().join(" ");
        write!(f, "({}) -> ({})", list(&self.params), list(&self.results))
    }
}

fn word(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::Ref(_) => "reference",
    }
}
