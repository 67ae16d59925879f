//! What a guest meets and a native program doesn't: limits, hosts that can't protect, and what `shims/mman/README.md` lists as different.

use crate::guests::{BARE, Ended, PROTECTING, guests, run, run_without_folders};

const SOURCE: &[&str] = &["refused.c"];

/// Runs a case on every host in `flags` by every toolchain.
fn case(name: &str, more: &[&str], hosts: &[&[&str]], check: impl Fn(&Ended)) {
    for guest in guests(SOURCE) {
        for host in hosts {
            let ended = run(&[host, more].concat(), &guest, &[name, "/work"]);
            check(&ended);
        }
    }
}

#[track_caller]
fn says(ended: &Ended, expected: &str) {
    assert_eq!((expected, Some(0)), (ended.stdout.as_str(), ended.code), "{}", ended.stderr);
}

const ALL: [&[&str]; 3] = [PROTECTING[0], PROTECTING[1], BARE];

#[test]
fn too_many_mappings_are_emfile_and_a_hole_that_needs_one_more_changes_nothing() {
    case("mappings", &["--quota", "mappings=2"], &ALL, |ended| {
        says(
            ended,
            "six pages: mapped
unmap the second: 0
there are two windows now: yes
unmap the fourth: there would be three: -1 ENOMEM
nothing is gone: yes
pread: 1
shared as before: y
a third: EMFILE
a third, private: EMFILE
unmap one at an edge: 0
the others stay: yes
unmap all: 0
again: mapped
what was stored: yes
",
        );
    });
}

#[test]
fn too_many_bytes_are_enomem() {
    case("bytes", &["--quota", "mapped-bytes=128KiB"], &ALL, |ended| {
        says(ended, "three pages: ENOMEM\ntwo pages: mapped\nmore of them: ENOMEM\nstays: yes\n");
    });
}

#[test]
fn what_can_not_be_protected_is_enotsup() {
    case("protection", &[], &[BARE], |ended| {
        says(
            ended,
            "read-only file: ENOTSUP
read-only memory: ENOTSUP
reserved memory: ENOTSUP
read-only later: -1 ENOTSUP
read-write: 0
read-only over it: ENOTSUP
it stays: yes
read-write file: mapped
",
        );
    });
}

#[test]
fn what_differs_is_what_the_readme_says() {
    case("differences", &[], &PROTECTING, |ended| {
        says(
            ended,
            "shared: mapped
more of it: ENOTSUP
otherwise protected: ENOTSUP
at another place: ENOTSUP
moved to itself: EINVAL
the same again is at the same place: yes
protected for one of two: -1 ENOTSUP
replaced for one of two: ENOMEM
unmapped once: 0
still there: yes
unmapped twice: 0
zero then: yes
twice to read: yes
stored to later: -1 ENOTSUP
the other goes: 0
stored to then: 0
and read again: ENOTSUP
code: ENOTSUP
code later: -1 ENOTSUP
huge pages: EINVAL
over the null page: ENOMEM
the program's own memory: -1 EINVAL
behind the memory: 0
a folder: ENODEV
standard output: ENODEV
",
        );
    });
}

#[test]
fn without_a_folder_there_are_no_nameless_files() {
    for guest in guests(SOURCE) {
        let ended = run_without_folders(BARE, &guest, &["nowhere"]);
        says(&ended, "memfd_create: -1 ENOSYS\nshm_open: -1 ENOSYS\nshm_unlink: -1 ENOSYS\n");
    }
}

#[test]
fn what_is_forbidden_traps() {
    case("store-to-constant", &[], &PROTECTING, |ended| {
        assert_eq!(("mapped\n", Some(134)), (ended.stdout.as_str(), ended.code), "{}", ended.stderr);
        assert!(ended.stderr.contains("store to address"), "{}", ended.stderr);
    });
    case("load-from-none", &[], &PROTECTING, |ended| {
        assert_eq!(("protected\n0 0\n", Some(134)), (ended.stdout.as_str(), ended.code), "{}", ended.stderr);
        assert!(ended.stderr.contains("load from address"), "{}", ended.stderr);
    });
}
