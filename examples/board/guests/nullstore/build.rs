//! Puts nothing where null pointers point, and constants right behind it, a granule of a host with an MMU each.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for flag in ["--no-stack-first", "--global-base=4096"] {
        println!("cargo:rustc-link-arg-cdylib={flag}");
    }
}
