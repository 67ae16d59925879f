//! What comes out is a core module: windows are linked into it before it becomes a component.

fn main() {
    if std::env::var("TARGET").is_ok_and(|target| target == "wasm32-wasip2") {
        println!("cargo:rustc-link-arg=--skip-wit-component");
    }
}
