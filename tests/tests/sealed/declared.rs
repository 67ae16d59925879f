//! A module that declares its null page.

use memctl_wasmtime::Bounds;

use crate::command::{Access, End, Host, Program, built, wherever_it_is_enforced};

fn program(host: Host) -> Program {
    Program::new(host, "guest-sealed", "guest-declared")
}

#[test]
fn what_a_module_declares_is_in_force_without_a_call() {
    wherever_it_is_enforced(|host| {
        let (printed, access) = program(host).stopped(&["8"]);
        assert_eq!(access, Access { address: 8, write: false });
        assert!(printed.starts_with("65536 65536\n"), "{printed}");
    });
}

#[test]
fn a_module_that_declared_something_can_t_seal() {
    wherever_it_is_enforced(|host| {
        assert!(program(host).prints(&[]).ends_with("Err(Refused(Access))\n"));
    });
}

#[test]
fn an_example_prints_the_same_with_its_null_page_sealed() {
    let plain = built("example-file-scan", "file-scan");
    let sealed = memctl_instrument::declare(&plain, Bounds { no_access: 4096, read_only: 4096 }).expect("it can be");
    let counts = |host, wasm: &[u8]| {
        let program = Program::of(host, "file-scan", wasm.to_vec());
        std::fs::write(program.dir.path().join("text"), include_str!("../../../README.md")).expect("it can be written");
        program.prints(&["/text"])
    };
    let expected = counts(Host::Alias, &plain);
    assert!(expected.contains("/text"), "{expected}");
    wherever_it_is_enforced(|host| assert_eq!(counts(host, &sealed), expected));
}

#[test]
fn where_nothing_can_be_protected_it_does_not_run() {
    let ran = Program::new(Host::Copy, "guest-sealed", "guest-declared").run(&[]);
    assert_eq!((ran.end, ran.out.as_str()), (End::Trapped(None), ""));
}
