//! A module that declares its null page.

use memctl_wasmtime::Mode;

use crate::command::{Access, End, Program};

fn program() -> Program {
    Program::new(Mode::Alias, "guest-sealed", "guest-declared")
}

#[test]
fn what_a_module_declares_is_in_force_without_a_call() {
    let (printed, access) = program().stopped(&["8"]);
    assert_eq!(access, Access { address: 8, write: false });
    assert!(printed.starts_with("65536 65536\n"), "{printed}");
}

#[test]
fn a_module_that_declared_something_can_t_seal() {
    assert!(program().prints(&[]).ends_with("Err(Refused(Access))\n"));
}

#[test]
fn where_nothing_can_be_protected_it_does_not_run() {
    let ran = Program::new(Mode::Copy, "guest-sealed", "guest-declared").run(&[]);
    assert_eq!((ran.end, ran.out.as_str()), (End::Trapped(None), ""));
}
