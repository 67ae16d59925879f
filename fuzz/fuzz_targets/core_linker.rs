//! What the core linker makes of any numbers: see [`memctl_fuzz::core_linker`].
#![no_main]

use memctl_fuzz::core_linker::{Program, run};

libfuzzer_sys::fuzz_target!(|program: Program| {
    run(&program);
});
