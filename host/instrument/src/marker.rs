//! What a file says about itself: that it was instrumented, what it declares, and what it imports.

use memctl_core::Declaration;
use wasmparser::{BinaryReader, Parser, Payload, ProducersSectionReader};

use crate::{Error, exports};

/// Name of the custom section that marks a module as instrumented: the version of this crate as a string (length and bytes, as in a name), and
/// the granule as 8 bytes, little-endian.
pub(crate) const SECTION: &str = "memctl.instrumented";

pub(crate) fn contents(granule: u64) -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let mut bytes = Vec::new();
    wasm_encoder::Encode::encode(version, &mut bytes);
    bytes.extend(granule.to_le_bytes());
    bytes
}

/// What the mark says.
pub(crate) fn read(contents: &[u8], offset: usize) -> Result<Error, Error> {
    let mut reader = BinaryReader::new(contents, offset);
    Ok(Error::AlreadyInstrumented { version: reader.read_string()?.to_owned(), granule: reader.read_u64()? })
}

/// Whether a core module, or any module in a component, was instrumented.
///
/// # Errors
/// [`Error::Invalid`].
pub fn is_instrumented(wasm: &[u8]) -> Result<bool, Error> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CustomSection(section) = payload?
            && section.name() == SECTION
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a core module declares in its custom sections, not rounded, and not compared with its memories.
///
/// # Errors
/// [`Error::Invalid`], or [`Error::Declaration`].
pub fn declarations(wasm: &[u8]) -> Result<Vec<Declaration>, Error> {
    let mut bytes = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == Declaration::SECTION => {
                bytes.extend_from_slice(section.data());
            }
            _ => {}
        }
    }
    Ok(Declaration::parse(&bytes)?)
}

/// Whether a core module imports what changes protection at run time.
pub(crate) fn imports_memory_control(wasm: &[u8]) -> Result<bool, Error> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                if exports::asks_for_table(import?.module) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// A `producers` section with this crate in it: what `old` says, if there is one, and a line more.
pub(crate) fn producers(old: Option<(&[u8], usize)>) -> Result<wasm_encoder::ProducersSection, Error> {
    const FIELD: &str = "processed-by";
    let mut section = wasm_encoder::ProducersSection::new();
    let mut ours = Some(());
    if let Some((bytes, offset)) = old {
        for field in ProducersSectionReader::new(BinaryReader::new(bytes, offset))? {
            let field = field?;
            let mut values = wasm_encoder::ProducersField::new();
            for value in field.values {
                let value = value?;
                values.value(value.name, value.version);
            }
            if field.name == FIELD && ours.take().is_some() {
                values.value(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
            }
            section.field(field.name, &values);
        }
    }
    if ours.is_some() {
        let mut values = wasm_encoder::ProducersField::new();
        values.value(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        section.field(FIELD, &values);
    }
    Ok(section)
}
