//! Asks the linker for what `memctl_guest::seal_rodata` needs: constants before variables and the stack, and nothing in the first 64 KiB.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| env::var(variable).as_deref() == Ok(value);
    if is("CARGO_CFG_TARGET_FAMILY", "wasm") {
        let component = is("CARGO_CFG_TARGET_ENV", "p2");
        println!(
            "cargo:rustc-link-arg={}",
            if component { "--append-lld-flag=--no-stack-first" } else { "--no-stack-first" }
        );
        println!("cargo:rustc-link-arg=--global-base=65536");
    }
}
