//! `memctl run`, on both backends, with components and with preview 1 modules.

use std::fs;

use crate::started::{BACKENDS, Ended, GUESTS, memctl, pattern};
use tempfile::tempdir;

#[test]
fn arguments_environment_and_output_pass_through() {
    let place = tempdir().unwrap();
    for guest in GUESTS.iter() {
        let echo = memctl(place.path(), guest, &["run", "GUEST", "echo", "--json", "-x", "--", "y"]);
        assert_eq!((echo.code, echo.stdout.as_str(), echo.stderr.as_str()), (Some(0), "--json -x -- y\n", ""));
        let env = memctl(place.path(), guest, &["run", "--env", "K=a=b", "--", "GUEST", "env", "K"]);
        assert_eq!((env.code, env.stdout.as_str()), (Some(0), "a=b\n"));
    }
}

#[test]
fn the_exit_code_is_the_programs() {
    let place = tempdir().unwrap();
    for guest in GUESTS.iter() {
        assert_eq!(memctl(place.path(), guest, &["run", "GUEST", "exit", "0"]).code, Some(0));
        // Rust's std and the preview 1 adapter tell WASI 0.2 no more than that it failed.
        assert_eq!(memctl(place.path(), guest, &["run", "GUEST", "exit", "7"]).code, Some(1));
    }
}

#[test]
fn a_refusal_is_explained_on_request() {
    let place = tempdir().unwrap();
    // As a component: the preview 1 adapter refuses to advise on a directory before the host hears of it.
    let args = ["run", "--verbose", "--dir", ".::/d", "GUEST", "cat-file", "/d"];
    let Ended { code, stderr, .. } = memctl(place.path(), &GUESTS[0], &args);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("a directory can't be mapped"), "{stderr}");
}

#[test]
fn a_trap_is_shown_with_its_backtrace() {
    let place = tempdir().unwrap();
    for guest in GUESTS.iter() {
        for backend in BACKENDS {
            let Ended { code, stderr, .. } =
                memctl(place.path(), guest, &["run", "--backend", backend, "GUEST", "trap"]);
            assert_eq!(code, Some(134));
            assert!(stderr.contains("wasm backtrace") && stderr.contains("main"), "{stderr}");
            assert!(stderr.contains("`unreachable` instruction executed"), "{stderr}");
        }
    }
}

#[test]
fn an_audit_traps_what_touches_a_window_without_a_lease() {
    let place = tempdir().unwrap();
    for guest in GUESTS.iter() {
        let run = |flags: &[&str], task: &str| {
            let args = [&["run", "--object", "o=64KiB"], flags, &["GUEST", task, "o"]].concat();
            memctl(place.path(), guest, &args)
        };
        for backend in BACKENDS {
            let usual = run(&["--backend", backend], "peek");
            assert_eq!((usual.code, usual.stdout.as_str()), (Some(0), "with a guard: !\nwithout one: !\n"));
        }
        let audited = run(&["--audit"], "peek");
        assert_eq!((audited.code, audited.stdout.as_str()), (Some(134), "with a guard: !\n"));
        let expected = ["load from address 0x", "a page that is protected", "under --audit", "wasm backtrace"];
        assert!(expected.iter().all(|words| audited.stderr.contains(words)), "{}", audited.stderr);
        assert_eq!(run(&["--audit"], "write-shared").code, Some(0), "a program that keeps to its guards runs as ever");
        let copied = run(&["--audit", "--backend", "copy"], "peek");
        assert_eq!(copied.code, Some(1));
        assert!(copied.stderr.contains("choose Mode::Auto or Mode::Alias"), "{}", copied.stderr);
    }
}

#[test]
fn writes_reach_object_files_and_mapped_files() {
    for guest in GUESTS.iter() {
        for backend in BACKENDS {
            let place = tempdir().unwrap();
            let run = |flags: &[&str], args: &[&str]| {
                let ended =
                    memctl(place.path(), guest, &[&["run", "--backend", backend], flags, &["GUEST"], args].concat());
                assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{backend}");
                ended.stdout
            };
            fs::create_dir(place.path().join("dir")).unwrap();
            for name in ["object", "dir/leased", "dir/cells"] {
                fs::write(place.path().join(name), [b'.'; 10_000]).unwrap();
            }
            run(&["--object", "o=object"], &["write-shared", "o"]);
            run(&["--dir", "dir::/d"], &["write-file", "/d/leased"]);
            run(&["--dir", "dir::/d"], &["write-cells", "/d/cells"]);
            for name in ["object", "dir/leased", "dir/cells"] {
                assert!(fs::read(place.path().join(name)).unwrap() == pattern(10_000), "{name} on {backend}");
            }
            let read = run(&["--object", "o=object:ro"], &["cat-object", "o"]);
            assert!(read.as_bytes() == pattern(10_000), "cat-object on {backend}");
            let read = run(&["--dir", "dir::/d:ro"], &["cat-file", "/d/cells"]);
            assert!(read.as_bytes() == pattern(10_000), "cat-file on {backend}");
        }
    }
}

#[test]
fn read_only_is_kept() {
    for backend in BACKENDS {
        let place = tempdir().unwrap();
        fs::write(place.path().join("file"), [b'.'; 5000]).unwrap();
        for args in [
            &["run", "--backend", backend, "--object", "o=file:ro", "GUEST", "write-shared", "o"][..],
            &["run", "--backend", backend, "--dir", ".:ro", "GUEST", "write-file", "file"],
        ] {
            let ended = memctl(place.path(), &GUESTS[0], args);
            assert_eq!(ended.code, Some(1), "{}", ended.stderr);
            assert!(fs::read(place.path().join("file")).unwrap() == [b'.'; 5000]);
        }
    }
}

#[test]
fn a_quota_holds() {
    let place = tempdir().unwrap();
    for backend in BACKENDS {
        let run = |quota: &str| {
            let args =
                ["run", "--backend", backend, "--object", "o=10000", "--quota", quota, "GUEST", "write-shared", "o"];
            memctl(place.path(), &GUESTS[0], &args)
        };
        assert_eq!(run("mapped-bytes=12KiB").code, Some(0));
        let refused = run("mapped-bytes=8KiB");
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains("quota"), "{}", refused.stderr);
    }
}

#[test]
fn json_reports_the_run() {
    let place = tempdir().unwrap();
    for backend in BACKENDS {
        let run = |args: &[&str]| {
            let args = [&["run", "--json", "--backend", backend, "--object", "o=10000", "GUEST"], args].concat();
            let ended = memctl(place.path(), &GUESTS[0], &args);
            let report: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one JSON object on stdout");
            (ended.code, report)
        };
        let (code, report) = run(&["write-shared", "o"]);
        assert_eq!((code, &report["exit"], &report["trap"]), (Some(0), &0.into(), &().into()));
        assert_eq!((&report["backend"], &report["mappings"]), (&backend.into(), &1.into()));
        assert_eq!(report["bytes_mapped"], 12288, "{report}");
        assert_eq!(report["bytes_copied"].as_u64() == Some(0), backend == "alias", "{report}");
        let (_, report) = run(&["echo", "x"]);
        assert_eq!(report["stdout"], "x\n");
        let (code, report) = run(&["trap"]);
        assert_eq!((code, &report["exit"]), (Some(134), &().into()));
        assert!(report["trap"].as_str().is_some_and(|trap| trap.contains("unreachable")), "{report}");
    }
}

#[test]
fn what_cannot_start_says_why() {
    let place = tempdir().unwrap();
    fs::write(place.path().join("text"), "text").unwrap();
    for (args, code, wanted) in [
        (&["run", "--dir", "none", "GUEST"][..], 1, "--dir none: no such directory; the form is HOST::GUEST[:ro]"),
        (&["run", "--object", "o=none", "GUEST"], 1, "--object o=none: no such file"),
        (&["run", "none.wasm"], 1, "none.wasm: can't read the program"),
        (&["run", "text"], 1, "text: not WebAssembly"),
        (&["run", "--quota", "pages=1", "GUEST"], 2, "--quota"),
        (&["run", "--backend", "mmu", "GUEST"], 2, "auto, alias, copy"),
        (&["run"], 2, "APP.wasm"),
        (&["rum", "GUEST"], 2, "run"),
    ] {
        let ended = memctl(place.path(), &GUESTS[0], args);
        assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{args:?}: {}", ended.stderr);
    }
}

#[test]
fn help_shows_examples() {
    let place = tempdir().unwrap();
    for args in
        [&["--help"][..], &["run", "--help"], &["compare", "--help"], &["soak", "--help"], &["compile", "--help"]]
    {
        let ended = memctl(place.path(), &GUESTS[0], args);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("Examples:\n  memctl "), "{}", ended.stdout);
    }
}
