//! Every case, answered as Linux answers it.

use memctl_cc::{Toolchain, root};

use crate::guests::{BARE, PROTECTING, assert_same, guests, native, program, run, run_native};

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

#[test]
fn a_component_without_preview_1_answers_as_natively() {
    let place = tempfile::tempdir().unwrap();
    let expected = run_native(&native(SOURCE, &place), &[]);
    let Some(Toolchain::Clang(clang)) = Toolchain::all().pop() else { return };
    let component = place.path().join("component.wasm");
    clang.component(&program(SOURCE).mman(), &root().join("shims/mman/wit"), &component).unwrap();
    for flags in PROTECTING {
        assert_same(&expected, &run(flags, &component, &["/work"]), &format!("{flags:?}"));
    }
}
