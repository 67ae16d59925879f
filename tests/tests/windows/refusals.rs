//! Bad input: an error code of its own each, and nothing has changed.

use memctl_wasmtime::{Code, Quotas, Rights, Source};

use crate::scene::{
    ALIASING, AUTOMATIC, Answer, Ask, GRANULE, LEASED, NARROW, PRIVATE, Program, WIDE, on_every_backend,
    on_every_backend_with,
};

fn refused<T>(code: Code) -> Answer<T> {
    Err(code as u32)
}

/// Refused with this code, and everything is as it was.
#[track_caller]
fn unchanged(program: &mut Program, code: Code, call: impl FnOnce(&mut Program) -> Answer<()>) {
    let before = (program.store.data().memctl.usage(), program.sum(1, 0, 8 * GRANULE));
    assert_eq!(call(program), refused(code));
    assert_eq!((program.store.data().memctl.usage(), program.sum(1, 0, 8 * GRANULE)), before);
}

#[test]
fn windows_that_are_not_there_are_not_found() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        let object = program.open('a');
        for window in [4, 28, 29, 1 << 31, u32::MAX] {
            assert_eq!(program.size(window), refused(Code::NotFound));
            assert_eq!(program.capabilities(window), refused(Code::NotFound));
            unchanged(&mut program, Code::NotFound, |program| {
                program.try_bind(window, (0, GRANULE), (object, 0), AUTOMATIC).map(drop)
            });
        }
    });
}

/// Window, range of it, object and offset, and why that can't be shown.
type Refused = (u32, (u64, u64), (u32, u64), Code);

#[test]
fn ranges_that_are_no_window_s_or_no_object_s_are_refused() {
    const TOO_HIGH: u64 = u64::MAX - GRANULE + 1;
    on_every_backend(|scene| {
        let mut program = scene.program();
        let (a, b) = (program.open('a'), program.open('b'));
        program.fill(1, 0, 8 * GRANULE, 6);
        let asks: [Refused; 15] = [
            (1, (1, GRANULE), (a, 0), Code::Alignment),
            (1, (0, GRANULE - 1), (a, 0), Code::Alignment),
            (1, (0, GRANULE), (a, 1), Code::Alignment),
            (1, (0, 0), (a, 0), Code::Bounds),
            (1, (NARROW, GRANULE), (a, 0), Code::Bounds),
            (1, (NARROW - GRANULE, 2 * GRANULE), (a, 0), Code::Bounds),
            (1, (1 << 32, GRANULE), (a, 0), Code::Bounds),
            (1, (TOO_HIGH, GRANULE), (a, 0), Code::Bounds),
            (1, (TOO_HIGH, 2 * GRANULE), (a, 0), Code::Bounds),
            (3, (WIDE, GRANULE), (a, 0), Code::Bounds),
            (1, (0, 5 * GRANULE), (a, 0), Code::Bounds),
            (1, (0, GRANULE), (a, 4 * GRANULE), Code::Bounds),
            (1, (0, 4 * GRANULE), (b, 0), Code::Bounds),
            (1, (0, GRANULE), (a, TOO_HIGH), Code::Bounds),
            (3, (0, WIDE), (a, 0), Code::Bounds),
        ];
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            for (window, range, from, code) in asks {
                unchanged(&mut program, code, |program| program.try_bind(window, range, from, ask).map(drop));
            }
        }
    });
}

#[test]
fn what_is_shown_already_can_t_be_bound_again() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        let (object, other) = (program.open('a'), program.open('b'));
        let bound = program.try_bind(1, (GRANULE, 2 * GRANULE), (object, 0), AUTOMATIC).expect("there is room");
        for range in [(0, 2 * GRANULE), (GRANULE, GRANULE), (2 * GRANULE, 2 * GRANULE), (0, 3 * GRANULE)] {
            unchanged(&mut program, Code::Overlap, |program| {
                program.try_bind(1, range, (other, 0), AUTOMATIC).map(drop)
            });
        }
        // Nor may a second automatic window of one store show it, wherever that is.
        unchanged(&mut program, Code::Overlap, |program| {
            program.try_bind(3, (0, GRANULE), (object, GRANULE), AUTOMATIC).map(drop)
        });
        program.try_bind(1, (0, GRANULE), (object, 2 * GRANULE), AUTOMATIC).expect("other bytes, beside it");
        program.try_bind(2, (GRANULE, 2 * GRANULE), (other, 0), AUTOMATIC).expect("another window");
        program.unbind(bound).expect("no lease is held");
    });
}

#[test]
fn a_mapping_that_ended_is_stale() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        let object = program.open('a');
        let bound = program.bound(1, 'a', LEASED);
        program.unbind(bound).expect("no lease is held");
        let all = (0, 4 * GRANULE);
        unchanged(&mut program, Code::Stale, |program| program.unbind(bound));
        unchanged(&mut program, Code::Stale, |program| program.rebind(bound, (object, 0), AUTOMATIC));
        unchanged(&mut program, Code::Stale, |program| program.acquire(bound, all, true).map(drop));
        unchanged(&mut program, Code::Stale, |program| program.publish(bound, all));
        unchanged(&mut program, Code::Stale, |program| program.refresh(bound, all));
    });
}

#[test]
fn parts_outside_the_mapping_are_refused() {
    on_every_backend(|scene| {
        let mut program = scene.program();
        let object = program.open('a');
        let bound = program.try_bind(1, (GRANULE, 2 * GRANULE), (object, 0), LEASED).expect("there is room");
        for part in [(0, GRANULE), (GRANULE, 3 * GRANULE), (GRANULE, 0), (u64::MAX, 2), (GRANULE + (1 << 32), 1)] {
            unchanged(&mut program, Code::Bounds, |program| program.acquire(bound, part, true).map(drop));
            unchanged(&mut program, Code::Bounds, |program| program.refresh(bound, part));
        }
    });
}

#[test]
fn a_refused_rebind_leaves_everything_as_it_was() {
    on_every_backend(|scene| {
        scene.world.domain.publish("c", Source::anonymous(4 * GRANULE), Rights::READ).expect("a new name");
        for first in [AUTOMATIC, LEASED, PRIVATE] {
            let mut program = scene.program();
            let bound = program.bound(1, 'a', first);
            let (a, b, c) = (program.open('a'), program.open('b'), program.open('c'));
            let shown_elsewhere = program.try_bind(2, (0, GRANULE), (b, 0), AUTOMATIC).expect("there is room");
            program.fill(1, 0, GRANULE, 8);
            let before = scene.world.object("b");
            let mut asks: Vec<((u32, u64), Ask, Code)> = vec![
                ((a, 1), AUTOMATIC, Code::Alignment),
                ((a, GRANULE), AUTOMATIC, Code::Bounds),
                ((a, u64::MAX - GRANULE + 1), AUTOMATIC, Code::Bounds),
                ((b, 0), PRIVATE, Code::Bounds),
                ((c, 0), AUTOMATIC, Code::Access),
            ];
            if scene.world.mode == memctl_wasmtime::Mode::Copy {
                asks.push(((a, 0), ALIASING, Code::Unsupported));
            }
            for (from, ask, code) in asks {
                unchanged(&mut program, code, |program| program.rebind(bound, from, ask));
            }
            assert_eq!(program.load(1, GRANULE - 1), 8, "it goes on showing what it did");
            program.rebind(bound, (a, 0), AUTOMATIC).expect("all is well");
            program.unbind(shown_elsewhere).expect("no lease is held");
            assert_eq!(scene.world.object("b"), before);
        }
    });
}

#[test]
fn windows_count_against_the_quotas_of_mappings() {
    let quotas = Quotas { mappings: 2, mapped_bytes: 3 * GRANULE, leases: 1, ..Quotas::GUEST };
    on_every_backend_with(
        |builder| builder.guest_quotas(quotas),
        |scene| {
            let mut program = scene.program();
            let object = program.open('a');
            unchanged(&mut program, Code::Quota, |program| {
                program.try_bind(1, (0, 4 * GRANULE), (object, 0), LEASED).map(drop)
            });
            let bound = program.try_bind(1, (0, 2 * GRANULE), (object, 0), LEASED).expect("within the quota");
            unchanged(&mut program, Code::Quota, |program| {
                program.try_bind(2, (0, 2 * GRANULE), (object, 0), LEASED).map(drop)
            });
            program.try_bind(2, (0, GRANULE), (object, 0), LEASED).expect("within the quota");
            unchanged(&mut program, Code::Quota, |program| {
                program.try_bind(3, (0, GRANULE), (object, 0), LEASED).map(drop)
            });
            let lease = program.acquire(bound, (0, GRANULE), false).expect("within the quota");
            unchanged(&mut program, Code::Quota, |program| program.acquire(bound, (GRANULE, GRANULE), false).map(drop));
            program.release(lease, (0, GRANULE)).expect("held until now");
            program.rebind(bound, (object, 2 * GRANULE), LEASED).expect("no more than before");
            program.unbind(bound).expect("no lease is held");
            program.try_bind(3, (0, 2 * GRANULE), (object, 0), LEASED).expect("given back");
        },
    );
}

#[test]
fn what_the_object_s_rights_don_t_allow_is_refused() {
    on_every_backend(|scene| {
        scene.world.domain.publish("c", Source::anonymous(4 * GRANULE), Rights::READ).expect("a new name");
        let mut program = scene.program();
        let object = program.open('c');
        for ask in [AUTOMATIC, LEASED] {
            unchanged(&mut program, Code::Access, |program| {
                program.try_bind(1, (0, 4 * GRANULE), (object, 0), ask).map(drop)
            });
        }
        program.try_bind(1, (0, 4 * GRANULE), (object, 0), PRIVATE).expect("a copy of one's own");
    });
}
