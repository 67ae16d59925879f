//! Faults of compiled code, which an engine's handler answers.

use memctl_alias::{Fault, FaultKind, FileObject, Protection, host_page_size};
use memctl_core::Storage;

use crate::child::{self, exit, memory};
use crate::sys;

#[test]
fn a_protection_fault_of_compiled_code_goes_to_the_engine() {
    exit(
        child::run("engine::a_protection_fault_of_compiled_code_goes_to_the_engine", || {
            sys::exit_on_faults();
            let memory = memory(1);
            let load = sys::compiled_load();
            memory.write(3, b"a").expect("inside");
            assert_eq!(load(memory.base().wrapping_add(3)), b'a');
            memory.protect(0, host_page_size(), Protection::None).expect("protect");
            load(memory.base());
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_vanished_page_under_compiled_code_comes_to_the_engine_as_a_protection_fault() {
    exit(
        child::run("engine::a_vanished_page_under_compiled_code_comes_to_the_engine_as_a_protection_fault", || {
            sys::exit_on_faults();
            let page = host_page_size();
            let (memory, mut object) = (memory(1), FileObject::anonymous(page).expect("memory"));
            memory.show_shared(0, page, &object, 0).expect("map");
            object.set_size(0).expect("shorter");
            let load = sys::compiled_load();
            load(memory.base());
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn what_compiled_code_did_is_noted_but_does_not_wait_to_be_taken() {
    exit(
        child::run("engine::what_compiled_code_did_is_noted_but_does_not_wait_to_be_taken", || {
            sys::repair_faults();
            let page = host_page_size();
            let (memory, mut object) = (memory(2), FileObject::anonymous(page).expect("memory"));
            memory.show_shared(page, page, &object, 0).expect("map");
            object.set_size(0).expect("shorter");
            let load = sys::compiled_load();
            assert_eq!(load(memory.base().wrapping_add(usize::try_from(page).expect("fits") + 5)), 0);
            assert_eq!(
                memory.last_fault(),
                Some(Fault { address: page + 5, kind: FaultKind::Vanished, write: Some(false) })
            );
            memory.protect(0, page, Protection::None).expect("protect");
            load(memory.base());
            assert_eq!(
                memory.last_fault(),
                Some(Fault { address: 0, kind: FaultKind::Protection, write: Some(false) })
            );
            assert_eq!(memory.take_fault(), None);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}
