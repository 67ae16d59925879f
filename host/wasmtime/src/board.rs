//! The one configuration that images for boards are compiled with, and that firmware runs them with.

use wasmtime::{Config, Result};

/// The engine's configuration on a board, for `target`: `pulley32` on 32-bit boards, `pulley64` on others.
///
/// What compiles an image and the firmware that runs it must agree on all that shapes compiled code; both begin with this, and an engine refuses to load what was compiled with
/// another configuration. Memories have exact bounds and pages of a byte if they like, are neither reserved nor guarded, and may move, so that windows show objects in
/// place; guests use fuel. What doesn't shape code can be changed afterwards: [`Config::max_wasm_stack`], which is 16 KiB here, and where memories are, by
/// [`Domain::configure`](crate::Domain::configure).
///
/// ```
/// let config = memctl_wasmtime::board_config("pulley32")?;
/// let engine = wasmtime::Engine::new(&config)?;
/// assert!(engine.is_pulley());
/// # Ok::<(), wasmtime::Error>(())
/// ```
///
/// # Errors
/// There is no such target.
pub fn board_config(target: &str) -> Result<Config> {
    let mut config = Config::new();
    config.target(target)?;
    // There are neither signals nor pages.
    config.signals_based_traps(false);
    config.memory_init_cow(false);
    config.memory_reservation(0);
    config.memory_guard_size(0);
    config.memory_reservation_for_growth(0);
    config.guard_before_linear_memory(false);
    config.memory_may_move(true);
    // What takes room in images, or RAM.
    config.table_lazy_init(false);
    config.generate_address_map(false);
    config.debug_symbols(false);
    config.max_wasm_stack(16 << 10);
    // What firmware's build of the engine lacks.
    config.concurrency_support(false);
    #[cfg(feature = "std")]
    config.wasm_threads(false);
    config.wasm_custom_page_sizes(true);
    config.consume_fuel(true);
    Ok(config)
}
