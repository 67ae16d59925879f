//! wasi:memory-control for wasmtime.
