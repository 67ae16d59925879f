//! Instrumented modules, run.

mod debug;
mod harness;
mod modules;
mod one;
mod start;
