//! Random modules, instrumented, do what the same modules do under an oracle that looks at each access.

use memctl_instrument_tests::engine::Runs;
use memctl_instrument_tests::lockstep::Ran;
use memctl_instrument_tests::random::{Source, bytes, run};

/// Runs modules of so many seeds, on the engines in turn.
fn all(source: Source, seeds: std::ops::Range<u64>, len: usize) -> Ran {
    let mut sum = Ran::default();
    for seed in seeds {
        // It is the last line if one fails.
        eprintln!("seed {seed}");
        let runs = Runs::SOFTWARE[usize::try_from(seed % 3).expect("small")];
        if let Ok(ran) = run(source, runs, &bytes(seed, len)) {
            sum += ran;
        }
    }
    sum
}

#[test]
fn programs_of_few_addresses() {
    let ran = all(Source::Program, 0..300, 4000);
    assert!(ran.returned > 100 && ran.stopped > 100 && ran.allowed > 10_000, "{ran:?}");
}

#[test]
fn modules_of_wasm_smith() {
    let ran = all(Source::Smith, 0..300, 4000);
    assert!(ran.returned > 100 && ran.stopped > 100 && ran.allowed > 1000, "{ran:?}");
}
