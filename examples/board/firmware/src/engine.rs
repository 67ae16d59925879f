//! The engine's configuration: the one that `memctl compile` compiles with, too.

use wasmtime::{Config, Engine, Result};

/// An engine for images.
///
/// # Errors
/// When memory is short.
pub(crate) fn engine() -> Result<Engine> {
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
        .max_wasm_stack(8 << 10)
        .wasm_custom_page_sizes(true)
        .wasm_multi_memory(true)
        .concurrency_support(false)
        .consume_fuel(true)
        .debug_symbols(false);
    Engine::new(&config)
}
