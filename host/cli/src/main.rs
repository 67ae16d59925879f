//! memctl: run and compare WebAssembly guests that map memory.

fn main() {}
