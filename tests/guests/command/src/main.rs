//! A command that maps files and objects as its arguments say.

fn main() {}
