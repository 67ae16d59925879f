//! A module that declares its null page.

use crate::command::{Access, End, Host, Program, wherever_it_is_enforced};

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
fn where_nothing_can_be_protected_it_does_not_run() {
    let ran = Program::new(Host::Copy, "guest-sealed", "guest-declared").run(&[]);
    assert_eq!((ran.end, ran.out.as_str()), (End::Trapped(None), ""));
}
