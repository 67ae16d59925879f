//! Guests that are components, compiled.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use memctl_instrument::Options;
use wasmtime::Engine;
use wasmtime::component::Component;

/// What is done to a guest before it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Build {
    /// Nothing.
    Plain,
    /// Its own code checks what it does to its memory.
    Instrumented,
}

/// A package, what is done to it, and the settings of the engine that it is compiled for.
type Image = (&'static str, Build, u64);

/// The component that `package` builds, compiled for an engine. Engines of the same settings take the same code, so that it is made
/// once in a process.
///
/// # Panics
/// If it can't be built or compiled.
#[must_use]
pub fn component(engine: &Engine, package: &'static str, build: Build) -> Component {
    static IMAGES: Mutex<BTreeMap<Image, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
    let image = images.entry((package, build, settings.finish())).or_insert_with(|| {
        let file = format!("{}.wasm", package.replace('-', "_"));
        let wasm = std::fs::read(crate::guest_wasm(package, "wasm32-wasip2", &file)).expect("the guest was built");
        let wasm = match build {
            Build::Plain => wasm,
            Build::Instrumented => {
                memctl_instrument::instrument(&wasm, &Options::default()).expect("it can be instrumented").wasm
            }
        };
        engine.precompile_component(&wasm).expect("the guest compiles")
    });
    deserialize(engine, image)
}

fn deserialize(engine: &Engine, image: &[u8]) -> Component {
    // SAFETY: `image` is what `precompile_component` gave, unchanged.
    unsafe { Component::deserialize(engine, image) }.expect("an engine of the same settings takes the image")
}
