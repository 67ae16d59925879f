//! `memctl compare`: what is the same, what isn't, and what it leaves alone.

use std::fs;
use std::process::{Command, Stdio};

use crate::started::{Ended, GUESTS, command, memctl};
use tempfile::tempdir;

#[test]
fn equal_runs_are_identical_and_the_originals_stay() {
    for guest in GUESTS.iter() {
        let place = tempdir().unwrap();
        fs::create_dir(place.path().join("dir")).unwrap();
        for name in ["object", "dir/leased", "dir/cells"] {
            fs::write(place.path().join(name), [b'.'; 10_000]).unwrap();
        }
        for args in [
            &["compare", "--object", "o=10000", "GUEST", "write-shared", "o"][..],
            &["compare", "--object", "o=object", "GUEST", "write-shared", "o"],
            &["compare", "--object", "o=object:ro", "GUEST", "cat-object", "o"],
            &["compare", "--dir", "dir::/d", "GUEST", "write-file", "/d/leased"],
            &["compare", "--dir", "dir::/d", "GUEST", "write-cells", "/d/cells"],
            &["compare", "--dir", "dir::/d:ro", "GUEST", "cat-file", "/d/cells"],
            &["compare", "GUEST", "trap"],
            &["compare", "GUEST", "exit", "1"],
        ] {
            let Ended { code, stdout, stderr } = memctl(place.path(), guest, args);
            assert_eq!(code, Some(0), "{args:?}: {stdout}{stderr}");
            assert!(stdout.ends_with("\nidentical\n") && stdout.contains("│ alias"), "{args:?}: {stdout}");
        }
        for name in ["object", "dir/leased", "dir/cells"] {
            assert!(fs::read(place.path().join(name)).unwrap() == [b'.'; 10_000], "{name} has changed");
        }
    }
}

#[test]
fn the_first_difference_is_shown() {
    let place = tempdir().unwrap();
    let Ended { code, stdout, .. } = memctl(place.path(), &GUESTS[0], &["compare", "GUEST", "diverge"]);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("\nfirst difference: stdout, byte "), "{stdout}");
    assert!(stdout.contains("\n  alias | Capabilities(") && stdout.contains("\n  copy  | Capabilities("), "{stdout}");
}

#[test]
fn what_a_failing_program_said_is_shown() {
    let place = tempdir().unwrap();
    let Ended { code, stderr, .. } = memctl(place.path(), &GUESTS[0], &["compare", "GUEST", "cat-file", "/none"]);
    assert_eq!(code, Some(0), "it fails everywhere");
    for backend in ["alias", "copy"] {
        assert!(stderr.contains(&format!("exit 1 on {backend}, after saying:\n  guest-command: ")), "{stderr}");
    }
}

#[test]
fn json_says_the_same() {
    let place = tempdir().unwrap();
    let compare = |args: &[&str]| {
        let ended = memctl(place.path(), &GUESTS[0], &[&["compare", "--json", "GUEST"], args].concat());
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON object on stdout");
        (ended.code, report)
    };
    let (code, report) = compare(&["echo", "x"]);
    assert_eq!((code, &report["identical"]), (Some(0), &true.into()));
    assert_eq!((&report["runs"][0]["backend"], &report["runs"][1]["backend"]), (&"alias".into(), &"copy".into()));
    assert_eq!(report["runs"][1]["stdout"], "x\n");
    let (code, report) = compare(&["diverge"]);
    assert_eq!((code, &report["identical"]), (Some(1), &false.into()));
    assert_eq!(
        (&report["differences"][0]["subject"], &report["differences"][0]["line"]),
        (&"stdout".into(), &1.into())
    );
}

#[test]
fn a_program_that_reads_no_input_is_not_kept_waiting() {
    let place = tempdir().unwrap();
    let memctl = command(place.path(), &GUESTS[0], &["compare", "GUEST", "echo"]);
    // coreutils' timeout: a program that waits for input is ended, and this with it.
    let mut memctl = Command::new("timeout")
        .arg("60")
        .arg(memctl.get_program())
        .args(memctl.get_args())
        .current_dir(place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Held open, and never written to.
    let stdin = memctl.stdin.take();
    let status = memctl.wait().unwrap();
    assert!(status.success());
    drop(stdin);
}

#[test]
fn what_cannot_start_says_why() {
    let place = tempdir().unwrap();
    let ended = memctl(place.path(), &GUESTS[0], &["compare", "--dir", "none::/d", "GUEST"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--dir none: no such directory"), "{}", ended.stderr);
}
