//! Where a linker put the constants of a module: what can be declared as protected without asking anybody.

use memctl_core::Bounds;
use wasmparser::{DataKind, KnownCustom, Name, Operator, Parser, Payload};

use crate::{Error, component};

/// Why the bounds can't be found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unknown {
    /// No active data segment says where anything lies.
    #[error("it has no active data segment: seal its memory at run time, by `protection.seal`")]
    NoSegment,
    /// A segment's address is no constant.
    #[error(
        "data segment {segment} lies at no constant address, as in a shared library: seal its memory at run time, by `protection.seal`"
    )]
    NoAddress {
        /// The segment.
        segment: u32,
    },
    /// The stack would be protected.
    #[error(
        "its stack lies below its data ({stack:#x} is the top of the stack, {data:#x} the first byte of data): link it with \
         `-Clink-arg=--append-lld-flag=--no-stack-first -Clink-arg=--global-base=65536` (rustc for wasm32-wasip2), \
         `-Clink-arg=--no-stack-first -Clink-arg=--global-base=65536` (rustc for other targets), or \
         `-Wl,--no-stack-first,--global-base=65536` (clang)"
    )]
    StackBelowData {
        /// Where the stack begins, to grow downwards.
        stack: u64,
        /// Where data begins.
        data: u64,
    },
    /// Nothing says which segment holds constants.
    #[error("its data segments have no names: keep the name section (don't strip it), or give the bounds")]
    NoNames,
    /// No segment holds constants.
    #[error("no data segment is named .rodata: it has no constants, or its linker calls them otherwise")]
    NoRodata,
    /// Constants aren't the first data.
    #[error(
        "data segment {segment} ({name}) lies at {at:#x}, below the end of the constants: they can't be protected without it"
    )]
    Between {
        /// The segment.
        segment: u32,
        /// Its name.
        name: String,
        /// Its address.
        at: u64,
    },
}

/// The bounds that protect the null page and the constants of a module, or of the module with the memory in a component: up to its first data
/// segment nothing can be touched, and `.rodata`, which has to come first, can only be read.
///
/// # Errors
/// [`Error::Rodata`] says what has to be linked otherwise.
pub fn rodata(wasm: &[u8]) -> Result<Bounds, Error> {
    let (module, _) = component::main_part(wasm)?;
    Ok(Segments::read(&wasm[module])?.bounds()?)
}

#[derive(Default)]
struct Segments {
    // Number, address and size.
    active: Vec<(u32, Option<u64>, u64)>,
    names: Vec<(u32, String)>,
    stack: Option<u64>,
}

impl Segments {
    fn read(module: &[u8]) -> Result<Self, Error> {
        let mut segments = Self::default();
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::GlobalSection(globals) => {
                    // Compilers that make a stack in memory keep its top in their first global that changes.
                    for global in globals {
                        let global = global?;
                        if global.ty.mutable && segments.stack.is_none() {
                            segments.stack = constant(&global.init_expr);
                        }
                    }
                }
                Payload::DataSection(data) => {
                    for (number, segment) in (0..).zip(data) {
                        let segment = segment?;
                        if let DataKind::Active { memory_index: 0, offset_expr } = &segment.kind {
                            segments.active.push((number, constant(offset_expr), segment.data.len() as u64));
                        }
                    }
                }
                Payload::CustomSection(section) => {
                    let KnownCustom::Name(names) = section.as_known() else { continue };
                    for name in names {
                        let Name::Data(names) = name? else { continue };
                        for naming in names {
                            let naming = naming?;
                            segments.names.push((naming.index, naming.name.to_owned()));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(segments)
    }

    fn name(&self, segment: u32) -> &str {
        self.names.iter().find(|(number, _)| *number == segment).map_or("no name", |(_, name)| name)
    }

    fn bounds(&self) -> Result<Bounds, Unknown> {
        let mut placed = Vec::new();
        for (segment, at, len) in &self.active {
            placed.push((at.ok_or(Unknown::NoAddress { segment: *segment })?, *segment, *len));
        }
        placed.sort_unstable();
        let first = placed.first().ok_or(Unknown::NoSegment)?.0;
        if let Some(stack) = self.stack.filter(|stack| (1..=first).contains(stack)) {
            return Err(Unknown::StackBelowData { stack, data: first });
        }
        if self.names.is_empty() {
            return Err(Unknown::NoNames);
        }
        let constant = |segment: u32| self.name(segment).starts_with(".rodata");
        let ends =
            placed.iter().filter(|(_, segment, _)| constant(*segment)).map(|(at, _, len)| at.saturating_add(*len));
        let end = ends.max().ok_or(Unknown::NoRodata)?;
        let between = placed.iter().find(|(at, segment, _)| *at < end && !constant(*segment));
        if let Some((at, segment, _)) = between {
            let name = self.name(*segment).to_owned();
            return Err(Unknown::Between { segment: *segment, name, at: *at });
        }
        Ok(Bounds { no_access: first, read_only: end })
    }
}

fn constant(expression: &wasmparser::ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader();
    match operators.read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        Operator::I64Const { value } => Some(value.cast_unsigned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(fields: &str) -> Result<Bounds, Error> {
        rodata(&wat::parse_str(format!("(module (memory 4) {fields})")).expect("a module"))
    }

    fn unknown(fields: &str) -> Unknown {
        match bounds(fields) {
            Err(Error::Rodata(unknown)) => unknown,
            other => panic!("{other:?}"),
        }
    }

    const RODATA: &str = r#"(data $.rodata (i32.const 65536) "constants") (data $.data (i32.const 65552) "data")"#;

    #[test]
    fn constants_end_where_their_segments_do() {
        let found = Bounds { no_access: 65536, read_only: 65545 };
        assert_eq!(bounds(RODATA), Ok(found));
        assert_eq!(bounds(&format!("(global (mut i32) (i32.const 131072)) {RODATA}")), Ok(found));
    }

    #[test]
    fn what_has_to_be_linked_otherwise_is_said() {
        let stack_first = format!("(global $__stack_pointer (mut i32) (i32.const 65536)) {RODATA}");
        assert_eq!(unknown(&stack_first), Unknown::StackBelowData { stack: 65536, data: 65536 });
        assert_eq!(unknown(""), Unknown::NoSegment);
        assert_eq!(unknown(r#"(data (i32.const 1) "x")"#), Unknown::NoNames);
        assert_eq!(unknown(r#"(data $.data (i32.const 1) "x")"#), Unknown::NoRodata);
        let between = r#"(data $.rodata (i32.const 9) "x") (data $.tdata (i32.const 8) "x")"#;
        assert_eq!(unknown(between), Unknown::Between { segment: 1, name: ".tdata".to_owned(), at: 8 });
    }
}
