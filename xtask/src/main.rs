//! cargo xtask: set-up, tests and the demo.

fn main() {}
