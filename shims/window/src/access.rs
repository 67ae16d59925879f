//! Instructions that load and store, by name.

use wasm_encoder::{Instruction, MemArg, ValType};

/// What an instruction does to the bytes at its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Load,
    Store,
    AtomicLoad,
    AtomicStore,
    /// Gives back what was there and leaves something else.
    Exchange,
    /// The same, if what was there is what was expected.
    CompareExchange,
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) value: ValType,
    /// log2 of the bytes that it touches.
    pub(crate) width: u32,
    pub(crate) instruction: fn(MemArg) -> Instruction<'static>,
}

impl Access {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ACCESSES.iter().find(|access| access.name == name)
    }

    /// The instruction on a memory. Atomic instructions have to be aligned; others are told that they may not be.
    pub(crate) fn on(&self, memory_index: u32) -> Instruction<'static> {
        let align = if matches!(self.kind, Kind::Load | Kind::Store) { 0 } else { self.width };
        (self.instruction)(MemArg { offset: 0, align, memory_index })
    }
}

macro_rules! accesses {
    ($($kind:ident $value:ident { $($name:literal $width:literal $instruction:ident,)+ })+) => {
        /// All of them.
        pub(crate) const ACCESSES: &[Access] = &[$($(Access {
            name: $name,
            kind: Kind::$kind,
            value: ValType::$value,
            width: $width,
            instruction: Instruction::$instruction,
        },)+)+];
    };
}

accesses! {
    Load I32 {
        "i32.load" 2 I32Load,
        "i32.load8_s" 0 I32Load8S,
        "i32.load8_u" 0 I32Load8U,
        "i32.load16_s" 1 I32Load16S,
        "i32.load16_u" 1 I32Load16U,
    }
    Load I64 {
        "i64.load" 3 I64Load,
        "i64.load8_s" 0 I64Load8S,
        "i64.load8_u" 0 I64Load8U,
        "i64.load16_s" 1 I64Load16S,
        "i64.load16_u" 1 I64Load16U,
        "i64.load32_s" 2 I64Load32S,
        "i64.load32_u" 2 I64Load32U,
    }
    Load F32 { "f32.load" 2 F32Load, }
    Load F64 { "f64.load" 3 F64Load, }
    Load V128 { "v128.load" 4 V128Load, }
    Store I32 {
        "i32.store" 2 I32Store,
        "i32.store8" 0 I32Store8,
        "i32.store16" 1 I32Store16,
    }
    Store I64 {
        "i64.store" 3 I64Store,
        "i64.store8" 0 I64Store8,
        "i64.store16" 1 I64Store16,
        "i64.store32" 2 I64Store32,
    }
    Store F32 { "f32.store" 2 F32Store, }
    Store F64 { "f64.store" 3 F64Store, }
    Store V128 { "v128.store" 4 V128Store, }
    AtomicLoad I32 {
        "i32.atomic.load" 2 I32AtomicLoad,
        "i32.atomic.load8_u" 0 I32AtomicLoad8U,
        "i32.atomic.load16_u" 1 I32AtomicLoad16U,
    }
    AtomicLoad I64 {
        "i64.atomic.load" 3 I64AtomicLoad,
        "i64.atomic.load8_u" 0 I64AtomicLoad8U,
        "i64.atomic.load16_u" 1 I64AtomicLoad16U,
        "i64.atomic.load32_u" 2 I64AtomicLoad32U,
    }
    AtomicStore I32 {
        "i32.atomic.store" 2 I32AtomicStore,
        "i32.atomic.store8" 0 I32AtomicStore8,
        "i32.atomic.store16" 1 I32AtomicStore16,
    }
    AtomicStore I64 {
        "i64.atomic.store" 3 I64AtomicStore,
        "i64.atomic.store8" 0 I64AtomicStore8,
        "i64.atomic.store16" 1 I64AtomicStore16,
        "i64.atomic.store32" 2 I64AtomicStore32,
    }
    Exchange I32 {
        "i32.atomic.rmw.add" 2 I32AtomicRmwAdd,
        "i32.atomic.rmw8.add_u" 0 I32AtomicRmw8AddU,
        "i32.atomic.rmw16.add_u" 1 I32AtomicRmw16AddU,
        "i32.atomic.rmw.sub" 2 I32AtomicRmwSub,
        "i32.atomic.rmw8.sub_u" 0 I32AtomicRmw8SubU,
        "i32.atomic.rmw16.sub_u" 1 I32AtomicRmw16SubU,
        "i32.atomic.rmw.and" 2 I32AtomicRmwAnd,
        "i32.atomic.rmw8.and_u" 0 I32AtomicRmw8AndU,
        "i32.atomic.rmw16.and_u" 1 I32AtomicRmw16AndU,
        "i32.atomic.rmw.or" 2 I32AtomicRmwOr,
        "i32.atomic.rmw8.or_u" 0 I32AtomicRmw8OrU,
        "i32.atomic.rmw16.or_u" 1 I32AtomicRmw16OrU,
        "i32.atomic.rmw.xor" 2 I32AtomicRmwXor,
        "i32.atomic.rmw8.xor_u" 0 I32AtomicRmw8XorU,
        "i32.atomic.rmw16.xor_u" 1 I32AtomicRmw16XorU,
        "i32.atomic.rmw.xchg" 2 I32AtomicRmwXchg,
        "i32.atomic.rmw8.xchg_u" 0 I32AtomicRmw8XchgU,
        "i32.atomic.rmw16.xchg_u" 1 I32AtomicRmw16XchgU,
    }
    CompareExchange I32 {
        "i32.atomic.rmw.cmpxchg" 2 I32AtomicRmwCmpxchg,
        "i32.atomic.rmw8.cmpxchg_u" 0 I32AtomicRmw8CmpxchgU,
        "i32.atomic.rmw16.cmpxchg_u" 1 I32AtomicRmw16CmpxchgU,
    }
    Exchange I64 {
        "i64.atomic.rmw.add" 3 I64AtomicRmwAdd,
        "i64.atomic.rmw8.add_u" 0 I64AtomicRmw8AddU,
        "i64.atomic.rmw16.add_u" 1 I64AtomicRmw16AddU,
        "i64.atomic.rmw32.add_u" 2 I64AtomicRmw32AddU,
        "i64.atomic.rmw.sub" 3 I64AtomicRmwSub,
        "i64.atomic.rmw8.sub_u" 0 I64AtomicRmw8SubU,
        "i64.atomic.rmw16.sub_u" 1 I64AtomicRmw16SubU,
        "i64.atomic.rmw32.sub_u" 2 I64AtomicRmw32SubU,
        "i64.atomic.rmw.and" 3 I64AtomicRmwAnd,
        "i64.atomic.rmw8.and_u" 0 I64AtomicRmw8AndU,
        "i64.atomic.rmw16.and_u" 1 I64AtomicRmw16AndU,
        "i64.atomic.rmw32.and_u" 2 I64AtomicRmw32AndU,
        "i64.atomic.rmw.or" 3 I64AtomicRmwOr,
        "i64.atomic.rmw8.or_u" 0 I64AtomicRmw8OrU,
        "i64.atomic.rmw16.or_u" 1 I64AtomicRmw16OrU,
        "i64.atomic.rmw32.or_u" 2 I64AtomicRmw32OrU,
        "i64.atomic.rmw.xor" 3 I64AtomicRmwXor,
        "i64.atomic.rmw8.xor_u" 0 I64AtomicRmw8XorU,
        "i64.atomic.rmw16.xor_u" 1 I64AtomicRmw16XorU,
        "i64.atomic.rmw32.xor_u" 2 I64AtomicRmw32XorU,
        "i64.atomic.rmw.xchg" 3 I64AtomicRmwXchg,
        "i64.atomic.rmw8.xchg_u" 0 I64AtomicRmw8XchgU,
        "i64.atomic.rmw16.xchg_u" 1 I64AtomicRmw16XchgU,
        "i64.atomic.rmw32.xchg_u" 2 I64AtomicRmw32XchgU,
    }
    CompareExchange I64 {
        "i64.atomic.rmw.cmpxchg" 3 I64AtomicRmwCmpxchg,
        "i64.atomic.rmw8.cmpxchg_u" 0 I64AtomicRmw8CmpxchgU,
        "i64.atomic.rmw16.cmpxchg_u" 1 I64AtomicRmw16CmpxchgU,
        "i64.atomic.rmw32.cmpxchg_u" 2 I64AtomicRmw32CmpxchgU,
    }
}
