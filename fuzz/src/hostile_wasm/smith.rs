//! Modules that know nothing, from wasm-smith: any instructions, with the interface among what they may import.

use arbitrary::{Result, Unstructured};
use wasm_encoder::{ExportKind, ExportSection, MemorySection, MemoryType, Module};
use wasm_smith::Config;

use crate::interface::MEMORY;
use crate::module::Parts;

/// The module that the bytes stand for.
pub(super) fn module(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut config = Config::default();
    config.available_imports = Some(Parts::new().only_imports());
    config.exports = Some(memory());
    config.min_imports = 4;
    config.max_imports = 30;
    config.min_funcs = 1;
    config.max_funcs = 8;
    config.max_memory32_bytes = 2 * MEMORY;
    config.memory64_enabled = false;
    config.memory_max_size_required = true;
    config.max_table_elements = 1000;
    config.bulk_memory_enabled = true;
    config.threads_enabled = false;
    config.gc_enabled = false;
    config.exceptions_enabled = false;
    config.custom_descriptors_enabled = false;
    config.compact_imports_enabled = false;
    config.wide_arithmetic_enabled = false;
    config.relaxed_simd_enabled = false;
    config.allow_start_export = true;
    Ok(wasm_smith::Module::new(config, u)?.to_bytes())
}

/// A module that exports what the module has to: the memory that windows lie in.
fn memory() -> Vec<u8> {
    let mut memories = MemorySection::new();
    let (minimum, maximum) = (MEMORY >> 16, Some(2 * MEMORY >> 16));
    memories.memory(MemoryType { minimum, maximum, memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&memories).section(&exports);
    module.finish()
}
