//! A wasmtime host that gives its guest memory control.

fn main() {}
