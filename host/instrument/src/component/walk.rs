//! Code that follows a value to all bytes that the host will read for it: strings, lists, and lists in lists.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use super::abi::Value;
use super::check::at;

/// How the host reads strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Encoding {
    #[default]
    Utf8,
    Utf16,
    CompactUtf16,
}

/// A function `(start: i32, count: i32)` of a guard that looks at some values behind each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Visit {
    /// The code units of a string.
    String(Encoding),
    /// The elements of a list, and what they lead to.
    List(Value, Encoding),
    /// What elements lead to that can be loaded themselves.
    Elements(Value, Encoding),
}

/// Numbers the functions that a walk needs; those are made afterwards.
pub(super) trait Visits {
    /// The index of the function.
    fn index(&mut self, visit: Visit) -> u32;
    /// The index of [`check`](super::check::check) for loads.
    fn check(&self) -> u32;
    /// The guest's memory.
    fn memory(&self) -> u32;
}

/// What to call for a value that is a pointer and a number.
fn visit(value: &Value, encoding: Encoding) -> Option<Visit> {
    match value {
        Value::String => Some(Visit::String(encoding)),
        Value::List(element) => Some(Visit::List((**element).clone(), encoding)),
        Value::Scalar(_) | Value::Array(..) | Value::Record(_) | Value::Variant(..) => None,
    }
}

/// Follows the value in memory at `offset` from the address in local `base`. Its own bytes can be loaded.
pub(super) fn in_memory(
    code: &mut InstructionSink<'_>,
    visits: &mut dyn Visits,
    (value, encoding): (&Value, Encoding),
    base: u32,
    offset: u32,
) {
    if !value.points() {
        return;
    }
    let place = |field: u32| (u64::from(offset) + u64::from(field), base);
    if let Some(function) = visit(value, encoding) {
        let (pointer, count) = (place(0).0, place(4).0);
        code.local_get(base).i32_load(at(visits.memory(), pointer));
        code.local_get(base).i32_load(at(visits.memory(), count)).call(visits.index(function));
        return;
    }
    match value {
        Value::Record(fields) => {
            for (field, value) in Value::fields(fields) {
                in_memory(code, visits, (value, encoding), base, offset + field);
            }
        }
        Value::Array(element, count) => {
            let function = visits.index(Visit::Elements((**element).clone(), encoding));
            code.local_get(base).i32_const(offset.cast_signed()).i32_add();
            code.i32_const(count.cast_signed()).call(function);
        }
        Value::Variant(discriminant, cases) => {
            let number = at(visits.memory(), place(0).0);
            let payload = offset + value.payload_offset();
            for (case, value) in numbered(cases) {
                code.local_get(base);
                match discriminant {
                    1 => code.i32_load8_u(number),
                    2 => code.i32_load16_u(number),
                    _ => code.i32_load(number),
                };
                code.i32_const(case).i32_eq().if_(BlockType::Empty);
                in_memory(code, visits, (value, encoding), base, payload);
                code.end();
            }
        }
        Value::Scalar(_) | Value::String | Value::List(_) => {}
    }
}

/// Follows the value that parameters hold, from number `first` on; `types` are those of all parameters.
pub(super) fn in_parameters(
    code: &mut InstructionSink<'_>,
    visits: &mut dyn Visits,
    (value, encoding): (&Value, Encoding),
    types: &[ValType],
    first: usize,
) {
    let get = |code: &mut InstructionSink<'_>, slot: usize| {
        let Ok(local) = u32::try_from(slot) else { return };
        code.local_get(local);
        // The cases of a variant share their slots.
        if types.get(slot) == Some(&ValType::I64) {
            code.i32_wrap_i64();
        }
    };
    if let Some(function) = visit(value, encoding) {
        get(code, first);
        get(code, first + 1);
        code.call(visits.index(function));
        return;
    }
    match value {
        Value::Record(fields) => {
            let mut slot = first;
            for value in fields {
                in_parameters(code, visits, (value, encoding), types, slot);
                slot += value.flat();
            }
        }
        Value::Array(element, count) => {
            for number in 0..usize::try_from(*count).unwrap_or(0) {
                in_parameters(code, visits, (element, encoding), types, first + number * element.flat());
            }
        }
        Value::Variant(_, cases) => {
            for (case, value) in numbered(cases) {
                get(code, first);
                code.i32_const(case).i32_eq().if_(BlockType::Empty);
                in_parameters(code, visits, (value, encoding), types, first + 1);
                code.end();
            }
        }
        Value::Scalar(_) | Value::String | Value::List(_) => {}
    }
}

/// The cases that lead to other bytes.
fn numbered(cases: &[Option<Value>]) -> impl Iterator<Item = (i32, &Value)> {
    (0..).zip(cases).filter_map(|(number, value)| Some((number, value.as_ref().filter(|value| value.points())?)))
}

impl Visit {
    /// The function's body.
    pub(super) fn function(&self, visits: &mut dyn Visits) -> Function {
        const START: u32 = 0;
        const COUNT: u32 = 1;
        let mut function = Function::new([]);
        let mut code = function.instructions();
        match self {
            Self::String(encoding) => {
                code.local_get(START).local_get(COUNT);
                match encoding {
                    Encoding::Utf8 => code.i64_extend_i32_u(),
                    Encoding::Utf16 => code.i64_extend_i32_u().i64_const(1).i64_shl(),
                    // The highest bit says whether the code units have two bytes or one.
                    Encoding::CompactUtf16 => code
                        .i32_const(i32::MAX)
                        .i32_and()
                        .i64_extend_i32_u()
                        .local_get(COUNT)
                        .i32_const(31)
                        .i32_shr_u()
                        .i64_extend_i32_u()
                        .i64_shl(),
                };
                code.call(visits.check()).drop();
            }
            Self::List(element, encoding) => {
                code.local_get(START).local_get(COUNT).i64_extend_i32_u();
                code.i64_const(i64::from(element.size())).i64_mul().call(visits.check());
                if element.points() {
                    code.if_(BlockType::Empty).local_get(START).local_get(COUNT);
                    code.call(visits.index(Self::Elements(element.clone(), *encoding))).end();
                } else {
                    code.drop();
                }
            }
            Self::Elements(element, encoding) => {
                code.loop_(BlockType::Empty);
                in_memory(&mut code, visits, (element, *encoding), START, 0);
                code.local_get(START).i32_const(element.size().cast_signed()).i32_add().local_set(START);
                code.local_get(COUNT).i32_const(1).i32_sub().local_tee(COUNT).br_if(0).end();
            }
        }
        code.end();
        function
    }
}
