//! Engines, configured as `memctl compile` configures the one that makes the images.

use wasmtime::{Config, Result};

/// Bytes of the interpreter's stack, of which each guest has one.
const WASM_STACK: usize = 8 << 10;

/// The configuration of an engine for images.
///
/// # Errors
/// When wasmtime doesn't know the target.
pub(crate) fn config() -> Result<Config> {
    let mut config = memctl_wasmtime::board_config("pulley32")?;
    config.max_wasm_stack(WASM_STACK);
    Ok(config)
}
