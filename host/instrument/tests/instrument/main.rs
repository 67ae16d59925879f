//! Instrumented modules, run.

mod debug;
mod harness;
mod one;
mod start;
