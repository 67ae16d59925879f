//! Models, tried one after another, and the closing line of a test run.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use loom::model::Builder;

/// A claim about a protocol, and the program that would show it wrong: it panics, races or hangs in some interleaving.
pub(crate) type Model = (&'static str, fn());

/// How often in a run a thread may be stopped in the middle for another one.
const PREEMPTIONS: usize = 4;

/// Tries every interleaving of each model whose name has one of the `wanted` words in it, of all if there is none.
pub(crate) fn run(models: &[Model], wanted: &[String]) -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    for (name, program) in
        models.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| name.contains(w)))
    {
        let (start, runs) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let verdict = match tried(*program, &runs) {
            true => {
                passed += 1;
                "ok"
            }
            false => {
                failed += 1;
                "FAILED"
            }
        };
        let runs = runs.load(Ordering::Relaxed);
        println!("model {name} ... {verdict}, {runs} interleavings in {:.1} s", start.elapsed().as_secs_f64());
    }
    // As libtest says it, for `cargo xtask verify`.
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {verdict}. {passed} passed; {failed} failed");
    // Nothing that passed because nothing ran.
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tried(program: fn(), runs: &Arc<AtomicU64>) -> bool {
    let runs = runs.clone();
    let mut builder = Builder::new();
    // All interleavings of two threads here, and of three all but some 100,000. LOOM_MAX_PREEMPTIONS says otherwise.
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    catch_unwind(move || {
        builder.check(move || {
            runs.fetch_add(1, Ordering::Relaxed);
            program();
        });
    })
    .is_ok()
}
