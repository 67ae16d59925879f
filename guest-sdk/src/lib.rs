//! Guest SDK of wasi:memory-control: objects, mappings and guards.
