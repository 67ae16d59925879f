//! Faults that end a process, or might: each in a child, which is this binary running the same test again.

mod sys;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

use memctl_alias::{Fault, FaultKind, FileObject, Protection, Reservation, host_page_size, install};
use memctl_core::{Code, Storage};

const CHILD: &str = "MEMCTL_ALIAS_CHILD";

/// Runs the named test in a child, which does `act` there; here, returns how the child ended.
fn in_a_child(test: &str, act: impl FnOnce()) -> Option<ExitStatus> {
    if std::env::var_os(CHILD).is_some_and(|name| name == test) {
        sys::no_core_dump();
        act();
        return None;
    }
    let program = std::env::current_exe().expect("this binary");
    let output =
        Command::new(program).args(["--exact", test, "--test-threads=1"]).env(CHILD, test).output().expect("a child");
    Some(output.status)
}

fn memory(pages: u64) -> Reservation {
    let size = usize::try_from(pages * host_page_size()).expect("fits");
    Reservation::new(size, size, 0).expect("address space")
}

fn signal(status: Option<ExitStatus>, expected: i32) {
    if let Some(status) = status {
        assert_eq!(status.signal(), Some(expected), "{status}");
    }
}

fn exit(status: Option<ExitStatus>, expected: i32) {
    if let Some(status) = status {
        assert_eq!(status.code(), Some(expected), "{status}");
    }
}

#[test]
fn a_fault_of_others_with_the_default_handler_still_kills() {
    signal(
        in_a_child("a_fault_of_others_with_the_default_handler_still_kills", || {
            let _memory = memory(1);
            sys::load(sys::inaccessible_page());
        }),
        libc::SIGSEGV,
    );
}

#[test]
fn the_system_default_set_before_still_kills() {
    signal(
        in_a_child("the_system_default_set_before_still_kills", || {
            sys::set_handler(libc::SIGSEGV, libc::SIG_DFL);
            install().expect("signals");
            sys::load(sys::inaccessible_page());
        }),
        libc::SIGSEGV,
    );
}

#[test]
fn a_fault_can_not_be_ignored() {
    signal(
        in_a_child("a_fault_can_not_be_ignored", || {
            sys::set_handler(libc::SIGSEGV, libc::SIG_IGN);
            install().expect("signals");
            sys::load(sys::inaccessible_page());
        }),
        libc::SIGSEGV,
    );
}

#[test]
fn a_signal_that_somebody_sends_still_kills() {
    signal(
        in_a_child("a_signal_that_somebody_sends_still_kills", || {
            sys::set_handler(libc::SIGBUS, libc::SIG_DFL);
            install().expect("signals");
            sys::raise(libc::SIGBUS);
        }),
        libc::SIGBUS,
    );
}

#[test]
fn an_ignored_signal_that_somebody_sends_is_still_ignored() {
    exit(
        in_a_child("an_ignored_signal_that_somebody_sends_is_still_ignored", || {
            sys::set_handler(libc::SIGSEGV, libc::SIG_IGN);
            install().expect("signals");
            sys::raise(libc::SIGSEGV);
            sys::raise(libc::SIGSEGV);
            std::process::exit(7);
        }),
        7,
    );
}

#[test]
fn a_handler_installed_before_still_gets_the_faults_of_others() {
    exit(
        in_a_child("a_handler_installed_before_still_gets_the_faults_of_others", || {
            sys::exit_on_faults();
            let memory = memory(1);
            memory.protect(0, host_page_size(), Protection::None).expect("protect");
            assert!(memory.read(0, &mut [0]).is_err());
            sys::load(sys::inaccessible_page());
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_handler_without_details_installed_before_still_gets_the_faults_of_others() {
    exit(
        in_a_child("a_handler_without_details_installed_before_still_gets_the_faults_of_others", || {
            sys::set_handler(libc::SIGSEGV, sys::plain_handler());
            install().expect("signals");
            sys::load(sys::inaccessible_page());
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn host_code_past_the_end_is_not_contained() {
    exit(
        in_a_child("host_code_past_the_end_is_not_contained", || {
            sys::exit_on_faults();
            let page = usize::try_from(host_page_size()).expect("fits");
            let memory = Reservation::new(page, 4 * page, 0).expect("address space");
            sys::load(memory.base().wrapping_add(page));
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_protection_fault_of_compiled_code_goes_to_the_engine() {
    exit(
        in_a_child("a_protection_fault_of_compiled_code_goes_to_the_engine", || {
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
        in_a_child("a_vanished_page_under_compiled_code_comes_to_the_engine_as_a_protection_fault", || {
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
        in_a_child("what_compiled_code_did_is_noted_but_does_not_wait_to_be_taken", || {
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
            std::process::exit(7);
        }),
        7,
    );
}

#[test]
fn a_fault_keeps_the_interrupted_codes_errno() {
    exit(
        in_a_child("a_fault_keeps_the_interrupted_codes_errno", || {
            let page = host_page_size();
            let memory = memory(4);
            memory.protect(page, page, Protection::None).expect("protect");
            sys::use_up_mappings();
            sys::set_errno(77);
            sys::load(memory.base().wrapping_add(usize::try_from(page).expect("fits")));
            assert_eq!(sys::errno(), 77, "although the handler's first mmap failed");
            assert!(memory.take_fault().is_some());
            std::process::exit(7);
        }),
        7,
    );
}

#[test]
fn without_room_for_a_mapping_hide_still_takes_the_object_away() {
    exit(
        in_a_child("without_room_for_a_mapping_hide_still_takes_the_object_away", || {
            let page = host_page_size();
            let (memory, object) = (memory(64), FileObject::anonymous(64 * page).expect("memory"));
            memory.show_shared(0, 64 * page, &object, 0).expect("map");
            for at in 0..64 {
                memory.write(at * page, b"secret").expect("inside");
            }
            // Each in the middle of one view needs two more mappings than there are; the spare room helps for a while.
            let mut bytes = [9; 6];
            let refused = (1..32).map(|half| 2 * half * page).find(|at| {
                sys::use_up_mappings();
                let hidden = memory.hide(*at, page).map_err(|error| error.code());
                if hidden.is_ok() {
                    memory.read(*at, &mut bytes).expect("ordinary memory");
                    assert_eq!(bytes, [0; 6]);
                }
                hidden == Err(Code::OutOfMemory)
            });
            let refused = refused.expect("the spare room has an end");
            assert!(refused > 2 * page, "there was spare room");
            // Nor is there room for a scratch page of its own.
            assert!(memory.read(refused, &mut bytes).is_err(), "inaccessible");
            assert_eq!(bytes, [0; 6]);
            assert!(memory.take_fault().is_some());
            object.read_at(refused, &mut bytes).expect("read");
            assert_eq!(&bytes, b"secret");
            std::process::exit(7);
        }),
        7,
    );
}

#[test]
fn without_room_for_a_mapping_a_failed_map_or_detach_leaves_the_window() {
    exit(
        in_a_child("without_room_for_a_mapping_a_failed_map_or_detach_leaves_the_window", || {
            let page = host_page_size();
            let (memory, object) = (memory(16), FileObject::anonymous(8 * page).expect("memory"));
            memory.write(2 * page, b"stays").expect("inside");
            memory.show_private(8 * page, 8 * page, &object, 0).expect("map");
            memory.write(9 * page, b"stays").expect("inside");
            sys::use_up_mappings();
            assert!(memory.show_shared(2 * page, page, &object, 0).is_err());
            assert!(memory.detach(9 * page, page).is_err());
            let mut bytes = [0; 5];
            for at in [2 * page, 9 * page] {
                memory.read(at, &mut bytes).expect("as before");
                assert_eq!(&bytes, b"stays");
            }
            std::process::exit(7);
        }),
        7,
    );
}
