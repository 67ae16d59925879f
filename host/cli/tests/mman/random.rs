//! Random programs, natively and in guests in lockstep. `MEMCTL_SEEDS=1000` runs more of them.

use std::env;

use crate::guests::{BARE, PROTECTING, assert_same, guests, native, run, run_native};

const SOURCE: &[&str] = &["random.c"];
const FIRST: &str = "1";
const SEEDS: &str = "12";
const STEPS: &str = "250";

#[test]
fn random_programs_say_the_same_natively_and_in_guests() {
    let place = tempfile::tempdir().unwrap();
    let seeds = env::var("MEMCTL_SEEDS").unwrap_or_else(|_| SEEDS.to_owned());
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
