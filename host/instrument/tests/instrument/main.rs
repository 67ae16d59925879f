//! Instrumented modules, run.

mod harness;
mod one;
mod start;
