//! Runs the pipeline as two stores of one domain.

fn main() {}
