//! Writing down in a program which part of its memory is to be protected.

use std::ops::Range;

use memctl_core::{Bounds, Declaration};
use wasm_encoder::{Component, ComponentSectionId, CustomSection, Module, RawSection};
use wasmparser::{Encoding, Parser, Payload};

use crate::{Error, Options, component, marker, module};

/// Adds the section that declares `bounds` for memory 0 of a module, or of the one module in a component that defines a memory. It takes the place of
/// what was declared for that memory.
///
/// # Errors
/// [`Error`] says what is wrong with the program, or with the bounds. The program is checked as for instrumenting.
///
/// ```
/// # fn main() -> Result<(), memctl_instrument::Error> {
/// use memctl_core::Bounds;
/// let module = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01"; // (module (memory 1))
/// let bounds = Bounds { no_access: 4096, read_only: 8192 };
/// let declared = memctl_instrument::declare(module, bounds)?;
/// assert_eq!(memctl_instrument::declarations(&declared)?[0].bounds, bounds);
/// # Ok(())
/// # }
/// ```
pub fn declare(wasm: &[u8], bounds: Bounds) -> Result<Vec<u8>, Error> {
    let (main, features) = component::main_part(wasm)?;
    let declared = in_module(&wasm[main.clone()], bounds)?;
    module::declared_bounds(&declared, &Options::default())?;
    let declared = if main == (0..wasm.len()) { declared } else { replaced(wasm, 0..wasm.len(), &main, &declared)? };
    let valid = wasmparser::Validator::new_with_features(features).validate_all(&declared);
    valid.map_err(|error| Error::Internal { message: error.to_string() })?;
    Ok(declared)
}

/// The module, with the section behind all others.
fn in_module(module: &[u8], bounds: Bounds) -> Result<Vec<u8>, Error> {
    let mut declared = marker::declarations(module)?;
    declared.retain(|declaration| declaration.memory != 0);
    declared.insert(0, Declaration { memory: 0, bounds });
    let mut new = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let ours = matches!(&payload, Payload::CustomSection(section) if section.name() == Declaration::SECTION);
        if let Some((id, range)) = payload.as_section()
            && !ours
        {
            new.section(&RawSection { id, data: &module[range] });
        }
    }
    let data: Vec<u8> = declared.iter().flat_map(|declaration| declaration.to_bytes()).collect();
    new.section(&CustomSection { name: Declaration::SECTION.into(), data: data.into() });
    Ok(new.finish())
}

/// The component at `within`, with `module` in place of what is at `place`. All else is as it was.
fn replaced(file: &[u8], within: Range<usize>, place: &Range<usize>, module: &[u8]) -> Result<Vec<u8>, Error> {
    let mut new = Component::new();
    let mut parser = Parser::new(u64::try_from(within.start).unwrap_or(u64::MAX));
    let mut rest = within;
    while !rest.is_empty() {
        let wasmparser::Chunk::Parsed { consumed, payload } = parser.parse(&file[rest.clone()], true)? else {
            break;
        };
        rest.start += consumed;
        match &payload {
            Payload::ModuleSection { unchecked_range: range, .. } => {
                rest.start = range.end;
                let data = if range == place { module } else { &file[range.clone()] };
                new.section(&RawSection { id: ComponentSectionId::CoreModule.into(), data });
            }
            Payload::ComponentSection { unchecked_range: range, .. } => {
                rest.start = range.end;
                let data = &replaced(file, range.clone(), place, module)?;
                new.section(&RawSection { id: ComponentSectionId::Component.into(), data });
            }
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } | Payload::End(_) => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    new.section(&RawSection { id, data: &file[range] });
                }
            }
        }
    }
    Ok(new.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { no_access: 4096, read_only: 8192 };

    fn wasm(text: &str) -> Vec<u8> {
        wat::parse_str(text).expect("a program")
    }

    #[test]
    fn what_was_declared_for_the_memory_is_replaced() {
        let other = Bounds { no_access: 1, read_only: 2 };
        let module = wasm("(module (memory 1) (memory 1))");
        let once = declare(&module, BOUNDS).expect("declared");
        let second = Declaration { memory: 1, bounds: other };
        let mut both = once.clone();
        let section = CustomSection { name: Declaration::SECTION.into(), data: second.to_bytes().to_vec().into() };
        both.extend(appended(&section));
        let again = declare(&both, other).expect("declared");
        assert_eq!(
            marker::declarations(&again),
            Ok(vec![Declaration { memory: 0, bounds: other }, second]),
            "the other memory's stays"
        );
    }

    fn appended(section: &CustomSection<'_>) -> Vec<u8> {
        let mut module = Module::new();
        module.section(section);
        module.finish()[8..].to_vec()
    }

    #[test]
    fn a_component_stays_as_it_is_but_for_the_module() {
        let text = r#"(component
          (component $inner
            (core module $none (func))
            (core module $main (memory 1))
            (core instance (instantiate $main)))
          (instance (instantiate $inner))
          (@custom "memo" "kept"))"#;
        let plain = wasm(text);
        let declared = declare(&plain, BOUNDS).expect("declared");
        // All that is no longer than a section of a section: those that hold others have another size.
        let leaves = |wasm: &[u8]| {
            let all = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("valid"));
            let leaves = all
                .filter(|payload| !matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. }));
            leaves
                .filter_map(|leaf| leaf.as_section().map(|(id, range)| (id, wasm[range].to_vec())))
                .collect::<Vec<_>>()
        };
        let (mut after, before) = (leaves(&declared), leaves(&plain));
        let section = Declaration { memory: 0, bounds: BOUNDS }.to_bytes();
        let added = after.iter().position(|(_, bytes)| bytes.ends_with(&section)).expect("it is there");
        after.remove(added);
        assert_eq!(after, before);
    }

    #[test]
    fn bounds_that_do_not_fit_are_refused() {
        for bounds in [Bounds { no_access: 0, read_only: 65537 }, Bounds { no_access: 2, read_only: 1 }] {
            let refused = declare(&wasm("(module (memory 1))"), bounds);
            assert!(matches!(refused, Err(Error::Bounds { .. } | Error::Declaration(_))), "{refused:?}");
        }
        assert_eq!(declare(&wasm("(module)"), BOUNDS), Err(Error::UnknownMemory { memory: 0, memories: 0 }));
    }
}
