//! The engine that compiles for boards: configured as the firmware's is, and holding its tongue about what that one lacks.

use anyhow::{Context, Result};
use wasmtime::{Config, Engine, WasmFeatures};

/// Proposals that the engine of memctl has on, and that of a firmware lacks: it would refuse an image that was compiled with them, used or not.
const NOT_ON_BOARDS: WasmFeatures =
    WasmFeatures::THREADS.union(WasmFeatures::GC_TYPES).union(WasmFeatures::EXCEPTIONS).union(WasmFeatures::CM_ASYNC);

/// An engine whose images firmware for `target` loads.
///
/// # Errors
/// wasmtime doesn't know the target, or can't compile for it.
pub(super) fn engine(target: &str) -> Result<Engine> {
    let mut config = board_config();
    config.target(target).map_err(anyhow::Error::from).with_context(|| format!("target {target}"))?;
    config.wasm_features(NOT_ON_BOARDS, false);
    Ok(Engine::new(&config)?)
}

/// The configuration that compilers and firmware share: an image is refused where it differs.
fn board_config() -> Config {
    let mut config = Config::new();
    config
        .signals_based_traps(false)
        .memory_init_cow(false)
        .memory_reservation(0)
        .memory_guard_size(0)
        .memory_reservation_for_growth(0)
        .memory_may_move(true)
        .guard_before_linear_memory(false)
        .table_lazy_init(false)
        .generate_address_map(false)
        .max_wasm_stack(16 << 10)
        .wasm_custom_page_sizes(true)
        .wasm_multi_memory(true)
        .concurrency_support(false)
        .consume_fuel(true)
        .debug_symbols(false);
    config
}
