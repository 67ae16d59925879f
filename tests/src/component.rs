//! Guests that are components, compiled.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use wasmtime::Engine;
use wasmtime::component::Component;

/// The component that `package` builds, compiled for an engine. Engines of the same settings take the same code, so that it is made
/// once in a process.
///
/// # Panics
/// If it can't be built or compiled.
#[must_use]
pub fn component(engine: &Engine, package: &'static str) -> Component {
    static IMAGES: Mutex<BTreeMap<(&str, u64), Vec<u8>>> = Mutex::new(BTreeMap::new());
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let image = images.entry((package, settings.finish())).or_insert_with(|| {
        let file = format!("{}.wasm", package.replace('-', "_"));
        let wasm = std::fs::read(crate::guest_wasm(package, "wasm32-wasip2", &file)).expect("the guest was built");
        engine.precompile_component(&wasm).expect("the guest compiles")
    });
    deserialize(engine, image)
}

fn deserialize(engine: &Engine, image: &[u8]) -> Component {
    // SAFETY: `image` is what `precompile_component` gave, unchanged.
    unsafe { Component::deserialize(engine, image) }.expect("an engine of the same settings takes the image")
}
