//! Every case, answered as Linux answers it.

use crate::guests::{BARE, PROTECTING, assert_same, guests, native, run, run_native};

const SOURCE: &[&str] = &["conformance.c"];

#[test]
fn every_case_is_answered_as_natively() {
    let place = tempfile::tempdir().unwrap();
    let expected = run_native(&native(SOURCE, &place), &[]);
    assert!(!expected.contains("not refused"), "{expected}");
    for guest in guests(SOURCE) {
        for flags in PROTECTING {
            assert_same(&expected, &run(flags, &guest, &["/work"]), &format!("{} {flags:?}", guest.display()));
        }
    }
}

#[test]
fn where_nothing_can_be_protected_all_else_is_answered_as_natively() {
    let place = tempfile::tempdir().unwrap();
    let expected = run_native(&native(SOURCE, &place), &["stores"]);
    for guest in guests(SOURCE) {
        assert_same(&expected, &run(BARE, &guest, &["/work", "stores"]), &guest.display().to_string());
    }
}
