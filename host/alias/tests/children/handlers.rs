//! Whose fault it is: an embedder's handlers, before and after ours, get what is theirs and nothing else.

use memctl_alias::{FaultKind, FileObject, Protection, Reservation, host_page_size, install};
use memctl_core::Storage;

use crate::child::{self, exit, memory, said, signal};
use crate::sys;

#[test]
fn a_fault_of_others_with_the_default_handler_still_kills() {
    signal(
        child::run("handlers::a_fault_of_others_with_the_default_handler_still_kills", || {
            let _memory = memory(1);
            sys::load(sys::inaccessible_page());
        }),
        libc::SIGSEGV,
    );
}

#[test]
fn the_system_default_set_before_still_kills() {
    signal(
        child::run("handlers::the_system_default_set_before_still_kills", || {
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
        child::run("handlers::a_fault_can_not_be_ignored", || {
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
        child::run("handlers::a_signal_that_somebody_sends_still_kills", || {
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
        child::run("handlers::an_ignored_signal_that_somebody_sends_is_still_ignored", || {
            sys::set_handler(libc::SIGSEGV, libc::SIG_IGN);
            install().expect("signals");
            sys::raise(libc::SIGSEGV);
            sys::raise(libc::SIGSEGV);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}

#[test]
fn a_handler_installed_before_still_gets_the_faults_of_others() {
    exit(
        child::run("handlers::a_handler_installed_before_still_gets_the_faults_of_others", || {
            sys::exit_on_faults();
            let memory = memory(1);
            memory.protect(0, host_page_size(), Protection::None).expect("protect");
            assert!(memory.read(0, &mut [0]).is_err());
            sys::load(sys::expect_fault_at(sys::inaccessible_page()));
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_handler_without_details_installed_before_still_gets_the_faults_of_others() {
    exit(
        child::run("handlers::a_handler_without_details_installed_before_still_gets_the_faults_of_others", || {
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
        child::run("handlers::host_code_past_the_end_is_not_contained", || {
            sys::exit_on_faults();
            let page = usize::try_from(host_page_size()).expect("fits");
            let memory = Reservation::new(page, 4 * page, 0).expect("address space");
            sys::load(memory.base().wrapping_add(page));
        }),
        sys::SAW_SEGV,
    );
}

/// A protection fault and a vanished page, both of which are ours and contained.
fn contained_faults() {
    let page = host_page_size();
    let (memory, mut object) = (memory(2), FileObject::anonymous(page).expect("memory"));
    memory.show_shared(page, page, &object, 0).expect("map");
    object.set_size(0).expect("shorter");
    memory.protect(0, page, Protection::None).expect("protect");
    for (address, kind) in [(3, FaultKind::Protection), (page + 3, FaultKind::Vanished)] {
        assert!(memory.read(address, &mut [0]).is_err());
        assert_eq!(memory.take_fault().map(|fault| (fault.address, fault.kind)), Some((address, kind)));
    }
}

#[test]
fn a_vanished_page_of_others_goes_to_the_handler_installed_before() {
    exit(
        child::run("handlers::a_vanished_page_of_others_goes_to_the_handler_installed_before", || {
            sys::exit_on_faults();
            contained_faults();
            sys::load(sys::expect_fault_at(sys::vanished_page()));
        }),
        sys::SAW_BUS,
    );
}

#[test]
fn a_null_pointer_of_host_code_goes_to_the_handler_installed_before() {
    exit(
        child::run("handlers::a_null_pointer_of_host_code_goes_to_the_handler_installed_before", || {
            sys::exit_on_faults();
            contained_faults();
            sys::load(sys::expect_fault_at(std::ptr::without_provenance(8)));
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_handler_installed_after_that_passes_on_sees_all_and_changes_nothing() {
    for (name, status) in [("segv", sys::SAW_SEGV), ("bus", sys::SAW_BUS)] {
        let test = "handlers::a_handler_installed_after_that_passes_on_sees_all_and_changes_nothing";
        let act = || {
            let page = if std::env::var("KIND").is_ok_and(|kind| kind == "bus") {
                sys::vanished_page()
            } else {
                sys::inaccessible_page()
            };
            sys::exit_on_faults();
            install().expect("signals");
            sys::look_and_pass_on();
            contained_faults();
            assert_eq!(sys::seen(), 2);
            sys::load(sys::expect_fault_at(page));
        };
        exit(child::run_under(&["env", &format!("KIND={name}")], test, act), status);
    }
}

#[test]
fn a_handler_installed_after_that_steps_aside_leaves_all_to_ours() {
    exit(
        child::run("handlers::a_handler_installed_after_that_steps_aside_leaves_all_to_ours", || {
            sys::exit_on_faults();
            install().expect("signals");
            sys::look_and_step_aside();
            contained_faults();
            contained_faults();
            assert_eq!(sys::seen(), 2, "once for each signal");
            sys::load(sys::expect_fault_at(sys::inaccessible_page()));
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_handler_installed_after_that_keeps_everything_gets_everything() {
    exit(
        child::run("handlers::a_handler_installed_after_that_keeps_everything_gets_everything", || {
            let memory = memory(1);
            sys::exit_on_faults();
            memory.protect(0, host_page_size(), Protection::None).expect("protect");
            // Nothing can be contained past such a handler; at least it is told the truth.
            sys::load(sys::expect_fault_at(memory.base()));
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn a_signal_that_somebody_sends_goes_to_the_handler_installed_before() {
    exit(
        child::run("handlers::a_signal_that_somebody_sends_goes_to_the_handler_installed_before", || {
            sys::exit_on_faults();
            contained_faults();
            assert_eq!(sys::in_a_fork(|| sys::send(libc::SIGSEGV)), Some(sys::SAW_SEGV));
            assert_eq!(sys::in_a_fork(|| sys::send(libc::SIGBUS)), Some(sys::SAW_BUS));
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}

#[test]
fn an_overflowing_stack_reaches_the_handler_installed_before() {
    exit(
        child::run("handlers::an_overflowing_stack_reaches_the_handler_installed_before", || {
            sys::exit_on_faults();
            install().expect("signals");
            // Its own stack has no room for a handler; Rust gives each thread another one for that.
            let done = std::thread::spawn(|| sys::overflow_the_stack(0)).join();
            panic!("the stack has no end: {done:?}");
        }),
        sys::SAW_SEGV,
    );
}

#[test]
fn an_overflowing_stack_is_still_reported_by_rust() {
    let child = child::run("handlers::an_overflowing_stack_is_still_reported_by_rust", || {
        contained_faults();
        let done = std::thread::spawn(|| sys::overflow_the_stack(0)).join();
        panic!("the stack has no end: {done:?}");
    });
    if let Some(child) = &child {
        assert!(said(child).contains("has overflowed its stack"), "{}", said(child));
    }
    signal(child, libc::SIGABRT);
}

#[test]
fn a_thread_without_an_alternate_stack_is_contained_on_its_own() {
    exit(
        child::run("handlers::a_thread_without_an_alternate_stack_is_contained_on_its_own", || {
            let thread = std::thread::spawn(|| {
                sys::no_alternate_stack();
                contained_faults();
            });
            thread.join().expect("contained");
            sys::leave();
        }),
        sys::DONE,
    );
}

#[test]
fn a_fork_contains_faults_as_its_parent_does() {
    exit(
        child::run("handlers::a_fork_contains_faults_as_its_parent_does", || {
            let page = host_page_size();
            let (memory, object) = (memory(2), FileObject::anonymous(page).expect("memory"));
            memory.show_shared(page, page, &object, 0).expect("map");
            memory.protect(0, 2 * page, Protection::None).expect("protect");
            let status = sys::in_a_fork(|| {
                assert!(memory.write(page, b"x").is_err());
                assert_eq!(memory.take_fault().map(|fault| fault.address), Some(page));
                contained_faults();
            });
            assert_eq!(status, Some(sys::DONE));
            // What the fork was given instead is its own: here all is as it was.
            assert_eq!(memory.take_fault(), None);
            assert!(memory.read(page, &mut [0]).is_err());
            let mut byte = [9];
            object.read_at(0, &mut byte).expect("memory");
            assert_eq!(byte, [0]);
            std::process::exit(sys::DONE);
        }),
        sys::DONE,
    );
}
