//! A component whose exports are the calls of the interface `heap`, raw and through the SDK: see `wit/heap-guest.wit`.

mod nodes;
mod raw;
mod sdk;
mod sys;

mod bindings {
    //! The world `memctl:heap-guest/guest`.

    wit_bindgen::generate!({
        world: "memctl:heap-guest/guest",
        path: ["../../../wit", "wit"],
        with: {
            "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
            "wasi:memory-control/heap@0.1.0-draft": memctl_guest::bindings::heap,
        },
        generate_all,
    });
}

/// The component's exports.
struct HeapGuest;

// Natively the names of the exports are no symbols that a linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(HeapGuest with_types_in bindings);
