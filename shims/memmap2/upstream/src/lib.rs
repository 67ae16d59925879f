//! memmap2 itself, compiled from where cargo keeps its source.
//!
//! The package that is patched in for memmap2 can't depend on memmap2: cargo has one package for each name and compatible version of a registry, and
//! that is the patch. So `build.rs` lets cargo fetch memmap2 for a package beside this one, to which no patch applies, and its files are part of this crate.

#![allow(warnings, clippy::all, clippy::pedantic, reason = "it is memmap2's code")]

include!(concat!(env!("OUT_DIR"), "/lib.rs"));
