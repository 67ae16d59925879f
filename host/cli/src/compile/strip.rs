//! Leaves out of a program what only people read, and flash has no room for: names and debug information.

use anyhow::Result;
use wasm_encoder::{ComponentSectionId, RawSection, Section};
use wasmparser::{BinaryReader, Parser};

/// The magic number, the version, and whether it is a module or a component.
const HEADER: usize = 8;
/// The id of custom sections, in modules and in components.
const CUSTOM: u8 = 0;

/// The same component or module without custom sections, in whatever is inside it either.
///
/// # Errors
/// It is not well-formed.
pub(super) fn strip(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut reader = BinaryReader::new(wasm, 0);
    let mut stripped = reader.read_bytes(HEADER)?.to_vec();
    let is_component = Parser::is_component(wasm);
    while !reader.eof() {
        let id = reader.read_u8()?;
        let len = usize::try_from(reader.read_var_u32()?)?;
        let data = reader.read_bytes(len)?;
        if id == CUSTOM {
            continue;
        }
        let nested = [ComponentSectionId::CoreModule, ComponentSectionId::Component].map(u8::from).contains(&id);
        if is_component && nested {
            RawSection { id, data: &strip(data)? }.append_to(&mut stripped);
        } else {
            RawSection { id, data }.append_to(&mut stripped);
        }
    }
    Ok(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_people_read_is_left_out_at_every_depth() {
        let named = r#"(component $outer (@custom "x" "y")
            (component $inner (core module $m (func $f (export "f")) (@custom "z" "z")))
            (core module $n (memory $memory 1) (data $d (i32.const 0) "bytes")))"#;
        let plain = r#"(component
            (component (core module (func (export "f"))))
            (core module (memory 1) (data (i32.const 0) "bytes")))"#;
        let [named, plain] = [named, plain].map(|text| wat::parse_str(text).unwrap());
        assert!(named.len() > plain.len());
        assert!(strip(&named).unwrap() == strip(&plain).unwrap());
        assert!(wasmparser::validate(&strip(&named).unwrap()).is_ok());
    }

    #[test]
    fn a_file_that_ends_in_the_middle_is_refused() {
        let wasm = wat::parse_str("(component (core module (memory 1)))").unwrap();
        assert!(strip(&wasm[..wasm.len() - 1]).is_err());
        assert!(strip(&wasm[..4]).is_err());
    }
}
