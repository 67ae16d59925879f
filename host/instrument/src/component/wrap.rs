//! The functions of a guard that take the place of others.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use super::abi::{MAX_FLAT_PARAMS, MAX_FLAT_RESULTS, Value};
use super::check::at;
use super::guard::{Call, Numbered, Place, Within, Wrapped, len};
use super::walk::{in_memory, in_parameters};
use crate::exports::Hull;

/// The function that takes the place of import `number`.
pub(super) fn wrap(function: &Wrapped, number: u32, place: &Place, visits: &mut Numbered) -> Function {
    let params = len(&function.params);
    let mut body = Function::new([(1, ValType::I32)]);
    let mut code = body.instructions();
    let mut visits = Within { visits, memory: function.memory, place };
    let pass_on = |code: &mut InstructionSink<'_>| {
        (0..params).for_each(|param| {
            code.local_get(param);
        });
        code.call(number);
    };
    let stored = |code: &mut InstructionSink<'_>, local: u32, size: u32| {
        code.local_get(local).i64_const(i64::from(size)).call(place.first_check + 1).drop();
    };
    match &function.call {
        Call::Realloc => {
            up_to_date(&mut code, place);
            pass_on(&mut code);
            code.local_tee(params).local_get(params).local_get(3).i64_extend_i32_u();
            code.call(place.first_check + 1).drop();
        }
        Call::Lower { params: values, result, encoding } => {
            if values.iter().fold(0, |sum: usize, value| sum.saturating_add(value.flat())) <= MAX_FLAT_PARAMS {
                let mut slot = 0;
                for value in values {
                    in_parameters(&mut code, &mut visits, (value, *encoding), &function.params, slot);
                    slot += value.flat();
                }
            } else {
                let record = Value::Record(values.clone());
                code.local_get(0).i64_const(i64::from(record.size())).call(place.first_check);
                code.if_(BlockType::Empty);
                in_memory(&mut code, &mut visits, (&record, *encoding), 0, 0);
                code.end();
            }
            let area = result.as_ref().filter(|result| result.flat() > MAX_FLAT_RESULTS).map(Value::size);
            let pointer = params.saturating_sub(1);
            if let Some(size) = area {
                stored(&mut code, pointer, size);
            }
            pass_on(&mut code);
            up_to_date(&mut code, place);
            // What the call itself protected: the area was fine before.
            if let Some(size) = area.filter(|_| place.first_hull.is_some()) {
                stored(&mut code, pointer, size);
            }
        }
        Call::Lift { result, encoding } => {
            up_to_date(&mut code, place);
            pass_on(&mut code);
            if let Some(result) = result.as_ref().filter(|result| result.flat() > MAX_FLAT_RESULTS) {
                code.local_tee(params).local_get(params).i64_const(i64::from(result.size()));
                code.call(place.first_check).if_(BlockType::Empty);
                in_memory(&mut code, &mut visits, (result, *encoding), params, 0);
                code.end();
            }
        }
    }
    code.end();
    body
}

fn up_to_date(code: &mut InstructionSink<'_>, place: &Place) {
    if place.first_hull.is_some() {
        code.call(place.first_check + 2);
    }
}

/// Brings the hulls that modules keep up to date with what the host wrote.
pub(super) fn reload(place: &Place) -> Function {
    let mut body = Function::new([]);
    let mut code = body.instructions();
    for (global, part) in place.first_hull.into_iter().flat_map(|first| first..).zip(Hull::ALL) {
        // As `first` and `more` of a 32-bit memory saturate.
        code.i32_const(0).i64_load(at(place.pair.shield, part.place()));
        code.i64_const(0xffff_ffff).i32_const(0).i64_load(at(place.pair.shield, part.place()));
        code.i64_const(0xffff_ffff).i64_lt_u().select().i32_wrap_i64().global_set(global);
    }
    code.end();
    body
}
