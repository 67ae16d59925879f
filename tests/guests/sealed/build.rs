//! Constants come first in the memories of those that seal them; see `memctl_guest::protection`.

use std::env;

fn main() {
    let is = |variable: &str, value: &str| env::var(variable).as_deref() == Ok(value);
    if is("CARGO_CFG_TARGET_FAMILY", "wasm") {
        let component = is("CARGO_CFG_TARGET_ENV", "p2");
        let order = if component { "--append-lld-flag=--no-stack-first" } else { "--no-stack-first" };
        for bin in ["guest-sealed", "guest-declared"] {
            println!("cargo:rustc-link-arg-bin={bin}={order}");
            println!("cargo:rustc-link-arg-bin={bin}=--global-base=65536");
        }
    }
}
