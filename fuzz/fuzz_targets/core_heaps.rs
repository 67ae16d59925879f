//! Shared heaps in the rules: see [`memctl_fuzz::core_heaps`].
#![no_main]

use memctl_fuzz::core_heaps::run;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| run(bytes));
