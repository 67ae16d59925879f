//! What the fuzz targets run. `fuzz_targets/` has a file for each, which only names it.

#[cfg(feature = "wasm")]
mod bystander;
pub mod core_domain;
pub mod core_heaps;
#[cfg(feature = "wasm")]
pub mod core_linker;
#[cfg(feature = "wasm")]
mod guest;
#[cfg(feature = "wasm")]
mod host;
#[cfg(feature = "wasm")]
pub mod hostile_wasm;
#[cfg(feature = "wasm")]
mod interface;
#[cfg(feature = "wasm")]
mod module;
#[cfg(test)]
mod noise;
