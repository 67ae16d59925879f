//! Which instructions touch a memory, how many bytes, and how.

use wasmparser::{MemArg, Operator};

/// What is done to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Load,
    Store,
}

/// An instruction that touches bytes at one address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) kind: Kind,
    /// In bytes: 1, 2, 4, 8 or 16.
    pub(crate) size: u8,
    /// Atomic instructions trap if they are not aligned.
    pub(crate) atomic: bool,
    /// Whether it waits, which traps in a memory that isn't shared before it touches anything.
    pub(crate) waits: bool,
    /// Operands above the address.
    pub(crate) above: usize,
    pub(crate) memarg: MemArg,
}

/// What an instruction does to memories.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touch {
    /// Nothing.
    None,
    One(Access),
    Fill {
        memory: u32,
    },
    Copy {
        to: u32,
        from: u32,
    },
    Init {
        memory: u32,
        data: u32,
    },
    /// Something that is not known here.
    Unknown,
}

/// What an instruction does to memories.
#[rustfmt::skip]
pub(crate) fn touch(op: &Operator<'_>) -> Touch {
    use Kind::{Load, Store};
    use Operator as O;
    let one = |kind, size, atomic, above, memarg: &MemArg| {
        Touch::One(Access { kind, size, atomic, waits: false, above, memarg: *memarg })
    };
    let wait = |size, memarg: &MemArg| {
        Touch::One(Access { kind: Load, size, atomic: true, waits: true, above: 2, memarg: *memarg })
    };
    macro_rules! table {
        ($($kind:ident $size:literal $atomic:literal $above:literal: $($op:ident)+;)+) => {
            match op {
                $($(O::$op { memarg, .. })|+ => one($kind, $size, $atomic, $above, memarg),)+
                O::MemoryAtomicWait32 { memarg } => wait(4, memarg),
                O::MemoryAtomicWait64 { memarg } => wait(8, memarg),
                // It looks at who waits, not at the bytes.
                O::MemoryAtomicNotify { .. } => Touch::None,
                O::MemoryFill { mem } => Touch::Fill { memory: *mem },
                O::MemoryCopy { dst_mem, src_mem } => Touch::Copy { to: *dst_mem, from: *src_mem },
                O::MemoryInit { data_index, mem } => Touch::Init { memory: *mem, data: *data_index },
                O::MemoryDiscard { .. } => Touch::Unknown,
                other if memarg(other).is_some() => Touch::Unknown,
                _ => Touch::None,
            }
        };
    }
    table! {
        Load 1 false 0: I32Load8S I32Load8U I64Load8S I64Load8U V128Load8Splat;
        Load 2 false 0: I32Load16S I32Load16U I64Load16S I64Load16U V128Load16Splat;
        Load 4 false 0: I32Load F32Load I64Load32S I64Load32U V128Load32Splat V128Load32Zero;
        Load 8 false 0: I64Load F64Load V128Load64Splat V128Load64Zero V128Load8x8S V128Load8x8U V128Load16x4S V128Load16x4U V128Load32x2S V128Load32x2U;
        Load 16 false 0: V128Load;
        Load 1 false 1: V128Load8Lane;
        Load 2 false 1: V128Load16Lane;
        Load 4 false 1: V128Load32Lane;
        Load 8 false 1: V128Load64Lane;
        Store 1 false 1: I32Store8 I64Store8 V128Store8Lane;
        Store 2 false 1: I32Store16 I64Store16 V128Store16Lane;
        Store 4 false 1: I32Store F32Store I64Store32 V128Store32Lane;
        Store 8 false 1: I64Store F64Store V128Store64Lane;
        Store 16 false 1: V128Store;
        Load 1 true 0: I32AtomicLoad8U I64AtomicLoad8U;
        Load 2 true 0: I32AtomicLoad16U I64AtomicLoad16U;
        Load 4 true 0: I32AtomicLoad I64AtomicLoad32U;
        Load 8 true 0: I64AtomicLoad;
        Store 1 true 1: I32AtomicStore8 I64AtomicStore8
            I32AtomicRmw8AddU I32AtomicRmw8SubU I32AtomicRmw8AndU I32AtomicRmw8OrU I32AtomicRmw8XorU I32AtomicRmw8XchgU
            I64AtomicRmw8AddU I64AtomicRmw8SubU I64AtomicRmw8AndU I64AtomicRmw8OrU I64AtomicRmw8XorU I64AtomicRmw8XchgU;
        Store 2 true 1: I32AtomicStore16 I64AtomicStore16
            I32AtomicRmw16AddU I32AtomicRmw16SubU I32AtomicRmw16AndU I32AtomicRmw16OrU I32AtomicRmw16XorU I32AtomicRmw16XchgU
            I64AtomicRmw16AddU I64AtomicRmw16SubU I64AtomicRmw16AndU I64AtomicRmw16OrU I64AtomicRmw16XorU I64AtomicRmw16XchgU;
        Store 4 true 1: I32AtomicStore I64AtomicStore32
            I32AtomicRmwAdd I32AtomicRmwSub I32AtomicRmwAnd I32AtomicRmwOr I32AtomicRmwXor I32AtomicRmwXchg
            I64AtomicRmw32AddU I64AtomicRmw32SubU I64AtomicRmw32AndU I64AtomicRmw32OrU I64AtomicRmw32XorU I64AtomicRmw32XchgU;
        Store 8 true 1: I64AtomicStore
            I64AtomicRmwAdd I64AtomicRmwSub I64AtomicRmwAnd I64AtomicRmwOr I64AtomicRmwXor I64AtomicRmwXchg;
        Store 1 true 2: I32AtomicRmw8CmpxchgU I64AtomicRmw8CmpxchgU;
        Store 2 true 2: I32AtomicRmw16CmpxchgU I64AtomicRmw16CmpxchgU;
        Store 4 true 2: I32AtomicRmwCmpxchg I64AtomicRmw32CmpxchgU;
        Store 8 true 2: I64AtomicRmwCmpxchg;
    }
}

/// The memory argument of an instruction, whichever it is.
fn memarg(op: &Operator<'_>) -> Option<MemArg> {
    let mut found = None;
    macro_rules! find {
        (@arg memarg $value:ident) => { found = Some(*$value) };
        (@arg $other:ident $value:ident) => { _ = $value };
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            match op {
                $(Operator::$op $({ $($arg),* })? => { $($(find!(@arg $arg $arg);)*)? })*
                _ => {}
            }
        };
    }
    wasmparser::for_each_operator!(find);
    found
}

/// Whether an instruction neither traps nor changes anything but locals and the operand stack, nor depends on more than locals, globals and operands, so that a check can as well come before it.
#[rustfmt::skip]
pub(crate) fn is_pure(op: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(op,
        O::Nop | O::Drop | O::Select | O::LocalGet { .. } | O::LocalSet { .. } | O::LocalTee { .. } | O::GlobalGet { .. }
        | O::I32Const { .. } | O::I64Const { .. } | O::F32Const { .. } | O::F64Const { .. } | O::V128Const { .. }
        | O::I32Eqz | O::I32Eq | O::I32Ne | O::I32LtS | O::I32LtU | O::I32GtS | O::I32GtU | O::I32LeS | O::I32LeU | O::I32GeS | O::I32GeU
        | O::I64Eqz | O::I64Eq | O::I64Ne | O::I64LtS | O::I64LtU | O::I64GtS | O::I64GtU | O::I64LeS | O::I64LeU | O::I64GeS | O::I64GeU
        | O::F32Eq | O::F32Ne | O::F32Lt | O::F32Gt | O::F32Le | O::F32Ge | O::F64Eq | O::F64Ne | O::F64Lt | O::F64Gt | O::F64Le | O::F64Ge
        | O::I32Clz | O::I32Ctz | O::I32Popcnt | O::I32Add | O::I32Sub | O::I32Mul | O::I32And | O::I32Or | O::I32Xor
        | O::I32Shl | O::I32ShrS | O::I32ShrU | O::I32Rotl | O::I32Rotr
        | O::I64Clz | O::I64Ctz | O::I64Popcnt | O::I64Add | O::I64Sub | O::I64Mul | O::I64And | O::I64Or | O::I64Xor
        | O::I64Shl | O::I64ShrS | O::I64ShrU | O::I64Rotl | O::I64Rotr
        | O::F32Abs | O::F32Neg | O::F32Add | O::F32Sub | O::F32Mul | O::F32Div | O::F32Sqrt
        | O::F64Abs | O::F64Neg | O::F64Add | O::F64Sub | O::F64Mul | O::F64Div | O::F64Sqrt
        | O::I32WrapI64 | O::I64ExtendI32S | O::I64ExtendI32U | O::I32Extend8S | O::I32Extend16S | O::I64Extend8S | O::I64Extend16S | O::I64Extend32S
        | O::I32ReinterpretF32 | O::I64ReinterpretF64 | O::F32ReinterpretI32 | O::F64ReinterpretI64 | O::F32DemoteF64 | O::F64PromoteF32
        | O::F64ConvertI32S | O::F64ConvertI32U | O::F64ConvertI64S | O::F64ConvertI64U
    )
}
