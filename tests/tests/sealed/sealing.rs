//! Null traps, and constants stay constant.

use std::collections::BTreeMap;

use memctl_tests::guest_wasm;

use crate::command::{Access, End, Host, Program, wherever_it_is_enforced};
use crate::image::Image;

/// What the guest's build.rs asks the linker for.
const BASE: u64 = 65536;

fn program(host: Host) -> Program {
    Program::new(host, "guest-sealed", "guest-sealed")
}

fn constants_end() -> u64 {
    let wasm = guest_wasm("guest-sealed", "wasm32-wasip2", "guest-sealed.wasm");
    Image::parse(&std::fs::read(wasm).expect("it was built")).segment(".rodata_memctl_end").place.start
}

/// Where the program says that things are.
fn places(program: &Program) -> BTreeMap<String, u64> {
    let lines = program.prints(&["image"]);
    let place = |line: &str| {
        let (name, address) = line.split_once(' ').expect("a name and an address");
        (name.to_owned(), address.parse().expect("a number"))
    };
    lines.lines().map(place).collect()
}

fn stops(program: &Program, what: &str, address: u64) {
    let (printed, access) = program.stopped(&[what, &address.to_string()]);
    assert_eq!((access, printed.as_str()), (Access { address, write: what == "store" }, ""), "{what} {address:#x}");
}

#[test]
fn the_null_page_and_all_constants_are_sealed() {
    wherever_it_is_enforced(|host| {
        assert_eq!(program(host).prints(&["bounds"]), format!("{BASE} {}\n", constants_end()));
    });
}

#[test]
fn constants_lie_in_what_is_sealed_and_variables_don_t() {
    wherever_it_is_enforced(|host| {
        let program = program(host);
        let end = constants_end();
        for (name, address) in places(&program) {
            let sealed = (BASE..end).contains(&address);
            assert_eq!(sealed, matches!(name.as_str(), "table" | "literal"), "{name} at {address:#x}");
        }
    });
}

#[test]
fn whoever_touches_the_null_page_traps() {
    wherever_it_is_enforced(|host| {
        let program = program(host);
        for address in [0, 1, 8, 4095, 4096, BASE - 1] {
            stops(&program, "load", address);
            stops(&program, "store", address);
        }
    });
}

#[test]
fn whoever_stores_to_a_constant_traps() {
    wherever_it_is_enforced(|host| {
        let program = program(host);
        let places = places(&program);
        for address in [BASE, places["table"], places["table"] + 11_999, places["literal"], constants_end() - 1] {
            stops(&program, "store", address);
        }
        assert_eq!(program.prints(&["load", &places["table"].to_string()]), "7\n");
    });
}

#[test]
fn variables_are_stored_to_as_ever() {
    wherever_it_is_enforced(|host| {
        let program = program(host);
        let places = places(&program);
        for name in ["variable", "zero", "local", "heap"] {
            assert_eq!(program.prints(&["store", &places[name].to_string()]), "42\n", "{name}");
        }
    });
}

#[test]
fn without_sealing_anything_goes() {
    wherever_it_is_enforced(|host| {
        let program = program(host);
        let table = places(&program)["table"].to_string();
        for address in ["8", "65535", &table] {
            assert_eq!(program.prints(&["unsealed", "store", address]), "42\n");
        }
    });
}

#[test]
fn a_second_seal_is_refused() {
    wherever_it_is_enforced(|host| {
        assert_eq!(program(host).prints(&["again"]), "Err(Refused(Access))\n");
    });
}

#[test]
fn a_sealed_program_does_what_it_did() {
    wherever_it_is_enforced(|host| {
        let program = program(host);
        let printed = program.prints(&["work"]);
        assert!(printed.contains("THE-QUICK-BROWN-FOX"), "{printed}");
        assert_eq!(program.prints(&["unsealed", "work"]), printed);
    });
}

#[test]
fn a_sealed_program_panics_with_its_message() {
    wherever_it_is_enforced(|host| {
        let ran = program(host).run(&["panic"]);
        assert!(ran.err.contains("a message with a number, 1"), "{ran:?}");
        assert_eq!(ran.end, End::Trapped(None));
    });
}

#[test]
fn a_guarded_stack_ends_in_a_trap() {
    wherever_it_is_enforced(|host| {
        let (printed, access) = program(host).stopped(&["recurse"]);
        assert_eq!(printed, "guarded\n");
        assert!(access.write && access.address > constants_end(), "{access:?}");
    });
}

#[test]
fn a_program_whose_stack_comes_first_learns_what_to_ask_the_linker_for() {
    wherever_it_is_enforced(|host| {
        let message = Program::new(host, "guest-sealed", "guest-stack-first").prints(&[]);
        assert!(
            message.contains("--append-lld-flag=--no-stack-first") && message.contains("--global-base=65536"),
            "{message}"
        );
    });
}

#[test]
fn a_large_program_prints_the_same_sealed_and_unsealed() {
    wherever_it_is_enforced(|host| {
        let program = Program::new(host, "example-sealed", "example-sealed");
        let text = include_str!("../../../guest-sdk/README.md");
        std::fs::write(program.dir.path().join("README.md"), text).expect("the folder can be written");
        let sealed = program.run(&["README.md"]);
        assert_eq!(sealed.end, End::Success, "{sealed:?}");
        assert!(sealed.out.contains("<span style="), "{sealed:?}");
        assert!(sealed.err.starts_with("sealed: 65536 bytes"), "{sealed:?}");
        assert_eq!(program.prints(&["--unsealed", "README.md"]), sealed.out);
    });
}

#[test]
fn where_nothing_can_be_protected_nothing_is_sealed() {
    let ran = Program::new(Host::Copy, "guest-sealed", "guest-sealed").run(&["bounds"]);
    assert_eq!(ran.end, End::Failure);
    assert!(ran.err.contains("unsupported"), "{ran:?}");
}
