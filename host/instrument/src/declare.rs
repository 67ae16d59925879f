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
