//! Instrumented modules beside an oracle that looks at each access: see [`memctl_instrument_tests::random`].
#![no_main]

use libfuzzer_sys::Corpus;
use memctl_instrument_tests::random::any;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> Corpus {
    match any(bytes) {
        Ok(_) => Corpus::Keep,
        Err(_) => Corpus::Reject,
    }
});
