//! Guests that are core modules, with windows linked into them or beside them.

use memctl_window::{Windows, libraries, link};
use wit_component::{ComponentEncoder, LibraryInfo};

/// Where the functions of windows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linking {
    /// In the program's module.
    Static,
    /// In a module of their own.
    Library,
}

/// The component of a package that builds a core module, with windows.
///
/// # Panics
/// If it can't be built or linked.
#[must_use]
pub fn with_windows(package: &'static str, windows: &Windows, linking: Linking) -> Vec<u8> {
    let encoder = ComponentEncoder::default();
    let encoder = match linking {
        Linking::Static => encoder.module(&with_windows_core(package, windows)).expect("a module of a component"),
        Linking::Library => {
            let module = built(package);
            let libraries = libraries(&module, windows).expect("it can have windows beside it");
            let encoder = encoder.module(&module).expect("a module of a component");
            libraries.iter().fold(encoder, |encoder, library| {
                let alone = LibraryInfo { instantiate_after_shims: false, arguments: Vec::new() };
                encoder.library(library.name, &library.wasm, alone).expect("a library")
            })
        }
    };
    encoder.validate(true).encode().expect("a component")
}

/// The core module of a package, with windows in it.
///
/// # Panics
/// If it can't be built or linked.
#[must_use]
pub fn with_windows_core(package: &'static str, windows: &Windows) -> Vec<u8> {
    link(&built(package), windows).expect("it can have windows").wasm
}

fn built(package: &'static str) -> Vec<u8> {
    let file = format!("{}.wasm", package.replace('-', "_"));
    std::fs::read(crate::guest_wasm(package, "wasm32-wasip2", &file)).expect("the guest was built")
}
