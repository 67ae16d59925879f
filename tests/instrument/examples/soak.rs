//! Random modules of the seeds FROM to TO, as the tests and the fuzz target run them: `cargo run -p memctl-instrument-tests --example soak FROM TO`.

use memctl_instrument_tests::engine::Runs;
use memctl_instrument_tests::lockstep::Ran;
use memctl_instrument_tests::random::{Source, bytes, run};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let &[from, to] = &numbers[..] else { panic!("usage: soak FROM TO") };
    let (mut sum, mut failed) = (Ran::default(), 0);
    for seed in from..to {
        for (source, len) in [(Source::Program, 2000 + seed % 7 * 500), (Source::Smith, 3000)] {
            let runs = Runs::SOFTWARE[usize::try_from(seed % 3).expect("small")];
            let bytes = bytes(seed, usize::try_from(len).expect("small"));
            match std::panic::catch_unwind(|| run(source, runs, &bytes)) {
                Ok(ran) => sum += ran.unwrap_or_default(),
                Err(_) => {
                    failed += 1;
                    eprintln!("seed {seed}, {source:?}: see above");
                }
            }
        }
    }
    println!("seeds {from}..{to}: {sum:?}, {failed} failed");
    assert_eq!(failed, 0, "the messages are above");
}
