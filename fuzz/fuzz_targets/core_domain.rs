//! The rules, as plain data: see [`memctl_fuzz::core_domain`].
#![no_main]

use memctl_fuzz::core_domain::{Program, run};

libfuzzer_sys::fuzz_target!(|program: Program| run(&program));
