//! Random programs, natively and in guests in lockstep, and in guests that have too little of everything. `MEMCTL_SEEDS=1000` runs more of them.

use std::env;

use crate::guests::{BARE, PROTECTING, assert_same, guests, native, program, run, run_native};
use memctl_cc::Toolchain;

const SOURCE: &[&str] = &["random.c"];
const FIRST: &str = "1";
const SEEDS: &str = "12";
const STEPS: &str = "250";

#[test]
fn random_programs_say_the_same_natively_and_in_guests() {
    let place = tempfile::tempdir().unwrap();
    let seeds = seeds();
    let native = native(SOURCE, &place);
    let guests = guests(SOURCE);
    let guest = &guests[0];
    let expected = run_native(&native, &[FIRST, &seeds, STEPS]);
    for flags in PROTECTING {
        assert_same(&expected, &run(flags, guest, &["/work", FIRST, &seeds, STEPS]), &format!("{flags:?}"));
    }
    let expected = run_native(&native, &[FIRST, &seeds, STEPS, "stores"]);
    assert_same(&expected, &run(BARE, guest, &["/work", FIRST, &seeds, STEPS, "stores"]), "copy");
}

fn seeds() -> String {
    env::var("MEMCTL_SEEDS").unwrap_or_else(|_| SEEDS.to_owned())
}

/// Whether a step says that it was refused, and that nothing has changed by that. POSIX lets a refused `MAP_FIXED` unmap what was
/// there, and `madvise` with a hole advises what is mapped.
fn is_refused(step: &str) -> bool {
    step.contains(": E") && !step.contains(" over ") && !step.contains(" give up ")
}

#[track_caller]
fn assert_refusals_change_nothing(said: &str) {
    let mut before = None;
    let mut refused = 0;
    for line in said.lines() {
        let (step, hash) = line.split_once('|').expect("a step and a hash");
        if is_refused(step) {
            assert_eq!(before, Some(hash), "{step}");
            refused += 1;
        }
        before = Some(hash);
    }
    assert!(refused > 20, "the limits are too wide: {refused} calls were refused");
}

#[test]
fn what_a_limit_refuses_changes_nothing() {
    let guest = &guests(SOURCE)[0];
    for limits in [
        &["--quota", "mappings=3"][..],
        &["--quota", "mappings=5", "--quota", "protected-ranges=3"],
        &["--quota", "mapped-bytes=640KiB"],
        &["--quota", "objects=2"],
    ] {
        let [alias, copy] =
            PROTECTING.map(|flags| run(&[flags, limits].concat(), guest, &["/work", FIRST, &seeds(), STEPS]));
        assert_refusals_change_nothing(&alias.stdout);
        assert_same(&alias.stdout, &copy, &format!("{limits:?}"));
    }
}

#[test]
fn what_needs_more_memory_than_there_is_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    // zig gives a program a stack of 16 MiB; there is a little more than a MiB for everything else.
    let small = program(SOURCE).linker_arg("--max-memory=18219008").mman();
    let Some(zig @ Toolchain::Zig(_)) = Toolchain::all().into_iter().next() else { return };
    let guest = small.build(&zig, &place.path().join("small.wasm")).unwrap();
    let [alias, copy] = PROTECTING.map(|flags| run(flags, &guest, &["/work", FIRST, &seeds(), STEPS]));
    assert_refusals_change_nothing(&alias.stdout);
    assert_same(&alias.stdout, &copy, "little memory");
}
