//! Every function, both kinds of addresses, all windows: results and bytes are those of the model.

use anyhow::Result;
use wasmtime::{Trap, Val};

use crate::{
    functions::{self, Abi, Function},
    guest::{BYTES, BYTES64, Guest, PAGES, Route, Scene},
    model::{Model, Stop},
};

pub(crate) fn val(ty: &str, number: u128) -> Val {
    let low = u64::try_from(number & u128::from(u64::MAX)).unwrap();
    let low32 = u32::try_from(number & u128::from(u32::MAX)).unwrap();
    match ty {
        "i32" => Val::I32(low32.cast_signed()),
        "i64" => Val::I64(low.cast_signed()),
        "f32" => Val::F32(low32),
        "f64" => Val::F64(low),
        _ => Val::V128(number.into()),
    }
}

fn number(val: &Val) -> u128 {
    match val {
        Val::I32(x) => x.cast_unsigned().into(),
        Val::I64(x) => x.cast_unsigned().into(),
        Val::F32(x) => (*x).into(),
        Val::F64(x) => (*x).into(),
        Val::V128(x) => x.as_u128(),
        other => panic!("{other:?}"),
    }
}

/// Calls a function in guest and model and compares what comes back, and what is left.
pub(crate) fn check(
    guest: &mut Guest,
    model: &mut Model,
    function: &Function,
    args: &[u128],
    windows: &[i32],
    constant: Form,
) {
    let vals: Vec<Val> = function.params.iter().zip(args).map(|(ty, arg)| val(ty, *arg)).collect();
    let result = match constant {
        Form::Constant => guest.constant(function, &vals, windows),
        Form::Dynamic => guest.dynamic(function, &vals, windows),
    };
    let expected = model.call(function, args, windows);
    let told = format!("{} {} {args:x?} on {windows:?}", function.abi.module(), function.name);
    assert!(agree(&result, expected), "{told}: {result:?}, and {expected:?} was expected");
    for (number, bytes) in model.memories.iter().enumerate() {
        assert!(guest.memory(number) == bytes, "{told}: memory {number}");
    }
}

fn agree(result: &Result<Option<Val>>, expected: Result<Option<u128>, Stop>) -> bool {
    match (result, expected) {
        (Ok(result), Ok(expected)) => result.as_ref().map(number) == expected,
        (Err(error), Err(stop)) => match error.downcast_ref::<Trap>() {
            Some(Trap::MemoryOutOfBounds) => stop != Stop::NoWindow,
            Some(Trap::HeapMisaligned) => stop == Stop::Misaligned,
            Some(Trap::UnreachableCodeReached) => stop == Stop::NoWindow,
            _ => false,
        },
        _ => false,
    }
}

/// How the number of a window gets to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Constant,
    Dynamic,
}

pub(crate) const FORMS: [Form; 2] = [Form::Constant, Form::Dynamic];

/// Bytes that are all different nearby, the first half of them the same in all memories.
fn fill(guest: &mut Guest) -> Model {
    for number in 0..=3 {
        let len = guest.memory(number).len();
        for (at, byte) in guest.memory(number).iter_mut().enumerate() {
            let other = if at < len / 2 { 0 } else { number * 31 };
            *byte = u8::try_from((at * 7 + at / 256 + 131 + other) % 256).unwrap();
        }
    }
    Model { memories: guest.memories() }
}

/// Addresses worth a try in a memory of so many bytes.
pub(crate) fn addresses(len: usize) -> Vec<u128> {
    let len = len as u128;
    let mut all = vec![0, 1, 8, 16, 24, len / 2];
    all.extend((0..=17).map(|before| len - before));
    all.extend([len + 1, 0x7fff_fff8, 0xffff_fff0, 0xffff_ffff, 1 << 32, (1 << 32) + 8, 1 << 63, u128::from(u64::MAX)]);
    all
}

fn accesses(scene: Scene, route: Route) {
    let mut guest = Guest::new(scene, route);
    let mut model = fill(&mut guest);
    for abi in Abi::ALL {
        for function in functions::all(abi, scene.pointer).iter().filter(|f| f.name.contains('.')) {
            for k in [0, 1, 3, 4] {
                let len = model.memories[if k == 3 { 3 } else { 1 }].len();
                for (at, address) in addresses(len).into_iter().enumerate() {
                    let address = if abi == Abi::Narrow { address & 0xffff_ffff } else { address };
                    // An operand that also happens to be what is there, now and then.
                    let there = model
                        .memories
                        .get(usize::try_from(k).unwrap())
                        .and_then(|m| m.get(usize::try_from(address).ok()?));
                    let there = u128::from(*there.unwrap_or(&0));
                    let operand =
                        if at % 2 == 0 { 0xfedc_ba98_7654_3210_0123_4567_89ab_cdef + at as u128 } else { there };
                    let operand = if function.params.get(1) == Some(&"v128") { operand } else { operand & 0xffff_ffff };
                    let all = [address, operand, 0x1122_3344];
                    for form in FORMS {
                        check(&mut guest, &mut model, function, &all[..function.params.len()], &[k], form);
                    }
                }
            }
        }
    }
}

#[test]
fn accesses_do_what_the_instructions_do() {
    accesses(BYTES, Route::Static);
}

#[test]
fn accesses_do_so_in_memories_of_whole_wasm_pages() {
    accesses(PAGES, Route::Static);
}

#[test]
fn accesses_do_so_beside_a_memory_with_64_bit_addresses() {
    accesses(BYTES64, Route::Static);
}

#[test]
fn accesses_do_so_through_a_library() {
    accesses(BYTES, Route::Library);
}

fn bulk(scene: Scene, route: Route) {
    let mut guest = Guest::new(scene, route);
    for abi in Abi::ALL {
        for function in functions::all(abi, scene.pointer).iter().filter(|f| !f.name.contains('.')) {
            let mut model = fill(&mut guest);
            if function.params.is_empty() {
                for k in 0..=4 {
                    let windows = vec![k; function.selectors];
                    let forms = if function.selectors == 0 { &FORMS[1..] } else { &FORMS[..] };
                    for form in forms {
                        check(&mut guest, &mut model, function, &[], &windows, *form);
                    }
                }
                continue;
            }
            let pairs = [[1, 2], [1, 3], [3, 1], [3, 3], [2, 2], [0, 1], [1, 4]];
            for windows in pairs {
                let windows = &windows[..function.selectors];
                let len = |k: Option<&i32>| model.memories[usize::try_from(*k.unwrap_or(&0)).unwrap() % 4].len();
                let (first, second) = (
                    len(windows.first()),
                    if function.name == "copy_between" { len(windows.get(1)) } else { len(None) },
                );
                let places = |len: usize| {
                    let len = len as u128;
                    [
                        0,
                        5,
                        len - 13,
                        len - 1,
                        len,
                        len + 1,
                        0xffff_fff0,
                        0xffff_ffff,
                        (1 << 32) + 3,
                        u128::from(u64::MAX),
                    ]
                };
                for a in places(first) {
                    for b in if function.name == "fill" { [0xab; 10] } else { places(second) } {
                        for count in [0, 1, 7, 8, 9, 13, 40, 0xffff_ffff, 1 << 32, (1 << 32) + 1, u128::from(u64::MAX)]
                        {
                            let mut args = if function.name == "copy_out" { [b, a, count] } else { [a, b, count] };
                            for (arg, ty) in args.iter_mut().zip(&function.params) {
                                *arg &= if *ty == "i32" { 0xffff_ffff } else { u128::from(u64::MAX) };
                            }
                            for form in FORMS {
                                check(&mut guest, &mut model, function, &args, windows, form);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn bulk_functions_do_what_they_say() {
    bulk(BYTES, Route::Static);
}

#[test]
fn bulk_functions_do_so_beside_a_memory_with_64_bit_addresses() {
    bulk(BYTES64, Route::Static);
}

#[test]
fn bulk_functions_do_so_through_a_library() {
    bulk(BYTES, Route::Library);
}
