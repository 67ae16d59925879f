//! What `wit_bindgen` makes of the world `memctl:board/command`.

#![expect(missing_docs, reason = "the generator documents only what the WIT documents")]

wit_bindgen::generate!({
    world: "command",
    path: "wit",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export",
});
