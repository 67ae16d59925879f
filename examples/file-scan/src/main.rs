//! Counts lines, words and bytes of files that it maps.

fn main() {}
