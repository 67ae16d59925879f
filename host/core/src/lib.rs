//! The contract of wasi:memory-control as plain data and rules.
