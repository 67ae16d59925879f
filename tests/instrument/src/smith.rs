//! Modules by wasm-smith, whose addresses are brought near what is protected.

use arbitrary::{Result, Unstructured};
use wasm_smith::{Config, Module};

use crate::guest::SYNC;
use crate::naive::tame;

/// Instructions that a call may have run before it is stopped, about.
const FUEL: u32 = 500;

/// A module that exports all that it has, imports functions only, and ends.
///
/// # Errors
/// If the bytes don't do for a module.
///
/// # Panics
/// If wasm-smith makes something that is no module.
pub(crate) fn module(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let config = Config {
        available_imports: Some(imports()),
        min_funcs: 1,
        max_funcs: 4,
        min_memories: 1,
        max_memories: 3,
        max_memory32_bytes: 3 << 16,
        max_memory64_bytes: 3 << 16,
        memory_max_size_required: true,
        // Offsets as small as addresses are.
        memory_offset_choices: wasm_smith::MemoryOffsetChoices(90, 9, 1),
        max_tables: 1,
        max_instructions: 200,
        export_everything: true,
        memory64_enabled: true,
        multi_value_enabled: true,
        simd_enabled: true,
        bulk_memory_enabled: true,
        reference_types_enabled: false,
        tail_call_enabled: true,
        threads_enabled: false,
        relaxed_simd_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        custom_page_sizes_enabled: true,
        wide_arithmetic_enabled: true,
        canonicalize_nans: true,
        ..Config::default()
    };
    let mut module = Module::new(config, u)?;
    module.ensure_termination(FUEL).expect("its code is its own");
    let wasm = module.to_bytes();
    // Left alone, three of four accesses are past the end.
    Ok(if u.ratio(7, 8).unwrap_or(true) { tame(&wasm).expect("the oracle's rewriter knows it") } else { wasm })
}

fn imports() -> Vec<u8> {
    let [from, sync] = SYNC;
    let text = format!(
        r#"(module
            (import "{from}" "{sync}" (func))
            (import "{from}" "result" (func (param i32) (result i32)))
            (import "env" "host" (func (param i64) (result i64))))"#
    );
    wat::parse_str(text).expect("a module")
}
