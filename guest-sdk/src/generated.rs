//! What `wit_bindgen` makes of the world `wasi:memory-control/imports`.

#![expect(missing_docs, reason = "the generator documents only what the WIT documents")]

wit_bindgen::generate!({
    world: "wasi:memory-control/imports",
    path: "../wit",
    generate_all,
    additional_derives: [PartialEq, Eq],
});
