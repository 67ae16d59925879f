//! What the borrow checker rules out. `TRYBUILD=overwrite cargo test -p memctl-guest --test compile_fail` renews the expected messages.

#![cfg(not(target_family = "wasm"))]

#[test]
fn a_misused_window_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
