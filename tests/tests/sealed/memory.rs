//! Guarded buffers and arenas.

use crate::command::{Access, End, Host, Program, wherever_it_is_enforced};

/// As of a domain on Linux; the guest asks for it.
const GRANULE: u64 = 4096;

fn program(host: Host) -> Program {
    Program::new(host, "guest-sealed", "guest-sealed")
}

/// The access that was stopped, from the address on that the program printed first.
fn stopped(host: Host, arguments: &[&str]) -> (i64, bool) {
    let (printed, Access { address, write }) = program(host).stopped(arguments);
    let start: u64 = printed.lines().next().expect("an address").parse().expect("a number");
    assert!(!printed.contains("no trap"), "{printed}");
    (address.cast_signed() - start.cast_signed(), write)
}

#[test]
fn who_runs_over_a_guarded_buffer_s_end_traps_at_the_first_byte() {
    wherever_it_is_enforced(|host| {
        assert_eq!(stopped(host, &["guarded", "over"]), (100, true));
    });
}

#[test]
fn who_runs_a_granule_below_a_guarded_buffer_s_start_traps() {
    wherever_it_is_enforced(|host| {
        assert_eq!(stopped(host, &["guarded", "under"]), (-GRANULE.cast_signed(), true));
    });
}

#[test]
fn who_runs_below_a_guarded_buffer_s_start_is_found_out_when_it_is_dropped() {
    wherever_it_is_enforced(|host| {
        let ran = program(host).run(&["guarded", "canary"]);
        assert!(ran.out.contains("not noticed yet"), "{ran:?}");
        assert!(ran.err.contains("below the start of a guarded buffer of 100 bytes"), "{ran:?}");
        assert_eq!(ran.end, End::Trapped(None));
    });
}

#[test]
fn a_read_only_buffer_is_loaded_from_but_not_stored_to() {
    wherever_it_is_enforced(|host| {
        assert_eq!(stopped(host, &["guarded", "read-only"]), (0, true));
    });
}

#[test]
fn an_untouchable_buffer_is_not_loaded_from() {
    wherever_it_is_enforced(|host| {
        assert_eq!(stopped(host, &["guarded", "no-access"]), (0, false));
    });
}

#[test]
fn a_guarded_buffer_leaves_nothing_behind() {
    wherever_it_is_enforced(|host| {
        let printed = program(host).prints(&["guarded", "fine"]);
        let lines: Vec<_> = printed.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "700",
                "2 fewer protected ranges",
                "45 bytes in 10 buffers",
                "49500000",
                "0 more protected ranges than before",
                "no trap"
            ]
        );
    });
}

#[test]
fn an_arena_commits_what_is_used_and_gives_it_back() {
    wherever_it_is_enforced(|host| {
        let printed = program(host).prints(&["arena", "fine"]);
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(
            lines,
            [
                "(0, 0, 67108864)",
                "0 some text [1, 3, 3] 100000",
                "499500 some text [1, 3, 3] 100000",
                "999000 some text [1, 3, 3] 100000",
                "no trap",
            ]
        );
    });
}

#[test]
fn a_gigabyte_is_reserved_again_and_again() {
    wherever_it_is_enforced(|host| {
        assert_eq!(program(host).prints(&["arena", "lean"]), "1048576 of 1073741824\n");
    });
}

#[test]
fn what_an_arena_has_not_committed_can_t_be_touched() {
    wherever_it_is_enforced(|host| {
        assert_eq!(stopped(host, &["arena", "behind"]), (GRANULE.cast_signed(), true));
        assert_eq!(stopped(host, &["arena", "after-reset"]), (0, false));
    });
}

#[test]
fn a_full_arena_says_so() {
    wherever_it_is_enforced(|host| {
        let printed = program(host).prints(&["arena", "full"]);
        assert_eq!(printed, "Err(OutOfMemory)\n67108864\nErr(OutOfMemory)\ntrue\nno trap\n");
    });
}

#[test]
fn discarded_bytes_are_zero_and_memory_as_ever() {
    for host in [Host::Alias, Host::Copy, Host::Instrumented] {
        let program = Program::new(host, "guest-sealed", "guest-sealed");
        assert_eq!(program.prints(&["unsealed", "discard"]), "2 Some(1) Some(1)\n3145728\n", "on {host:?}");
    }
}

#[test]
fn where_nothing_can_be_protected_there_are_neither() {
    let program = Program::new(Host::Copy, "guest-sealed", "guest-sealed");
    for what in [["unsealed", "guarded", "fine"], ["unsealed", "arena", "fine"]] {
        let ran = program.run(&what);
        assert_eq!(ran.end, End::Failure);
        assert!(ran.err.contains("unsupported"), "{ran:?}");
    }
}
