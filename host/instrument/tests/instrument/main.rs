//! Instrumented modules, run.

mod harness;
mod one;
