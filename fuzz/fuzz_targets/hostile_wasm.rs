//! Hostile modules, run for real: see [`memctl_fuzz::hostile_wasm`].
#![no_main]

use libfuzzer_sys::Corpus;
use memctl_fuzz::hostile_wasm::run;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> Corpus {
    match run(bytes) {
        Ok(_) => Corpus::Keep,
        Err(_) => Corpus::Reject,
    }
});
