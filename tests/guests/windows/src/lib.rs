//! A program with windows: see `wit/windows.wit`.

mod loops;
mod raw;
mod scenes;
mod sys;

mod bindings {
    //! The world `memctl:windows-guest/guest`.

    wit_bindgen::generate!({
        world: "memctl:windows-guest/guest",
        path: ["../../../wit", "wit"],
        with: {
            "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
            "wasi:memory-control/domain@0.1.0-draft": memctl_guest::bindings::domain,
            "wasi:memory-control/object@0.1.0-draft": memctl_guest::bindings::object,
            "wasi:memory-control/mapping@0.1.0-draft": memctl_guest::bindings::mapping,
            "wasi:memory-control/window@0.1.0-draft": memctl_guest::bindings::window,
            "wasi:memory-control/file-ticket@0.1.0-draft": memctl_guest::bindings::file_ticket,
        },
        generate_all,
    });
}

/// The component's exports.
struct Program;

// Natively the names of the exports are no symbols that a linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Program with_types_in bindings);
