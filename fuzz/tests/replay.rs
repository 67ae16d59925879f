//! Every input that is kept runs again, without libFuzzer: those that once found something among them.

use std::fs;
use std::path::Path;

/// Runs all inputs of a target.
fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut names: Vec<_> =
        fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    names.sort();
    assert!(names.len() >= 10, "{target} has only {} inputs", names.len());
    for name in names {
        eprintln!("{}", name.display());
        run(&fs::read(&name).expect("readable"));
    }
}

#[test]
fn core_domain_does_what_it_promises() {
    use arbitrary::{Arbitrary, Unstructured};
    use memctl_fuzz::core_domain::{Program, run};

    replay("core_domain", |bytes| {
        run(&Program::arbitrary_take_rest(Unstructured::new(bytes)).expect("any bytes are a program"));
    });
}

#[test]
fn heaps_do_what_the_model_says() {
    use memctl_fuzz::core_heaps::run;

    replay("core_heaps", run);
}

#[cfg(feature = "wasm")]
#[test]
fn core_linker_returns_or_traps() {
    use arbitrary::{Arbitrary, Unstructured};
    use memctl_fuzz::core_linker::{Program, run};

    let mapped = std::cell::Cell::new(0);
    replay("core_linker", |bytes| {
        let outcome = run(&Program::arbitrary_take_rest(Unstructured::new(bytes)).expect("any bytes are a program"));
        mapped.set(mapped.get() + usize::from(outcome.mapped > 0));
    });
    assert!(mapped.get() >= 5, "only {} inputs map anything", mapped.get());
}

#[cfg(feature = "wasm")]
#[test]
fn hostile_wasm_is_contained() {
    use memctl_fuzz::hostile_wasm::run;

    let (mapped, trapped) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    replay("hostile_wasm", |bytes| {
        let outcome = run(bytes).unwrap_or_default();
        mapped.set(mapped.get() + usize::from(outcome.mapped > 0));
        trapped.set(trapped.get() + usize::from(outcome.trapped > 0));
    });
    assert!(mapped.get() >= 5 && trapped.get() >= 5, "{} map and {} trap", mapped.get(), trapped.get());
}

#[cfg(feature = "wasm")]
#[test]
fn instrumented_modules_do_what_the_oracle_says() {
    use memctl_instrument_tests::lockstep::Ran;
    use memctl_instrument_tests::random::any;

    let sum = std::cell::Cell::new(Ran::default());
    replay("instrument", |bytes| {
        let mut ran = sum.get();
        ran += any(bytes).unwrap_or_default();
        sum.set(ran);
    });
    let ran = sum.get();
    assert!(ran.returned >= 20 && ran.stopped >= 20, "{ran:?}");
}
