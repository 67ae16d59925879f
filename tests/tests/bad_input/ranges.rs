//! Windows, offsets and parts that are off the granule, empty, outside of something or taken.

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, Answer, GRANULE, LEASED, Mapped, PRIVATE};

use crate::scene::{SIZE, Scene, refused, refused_after, refused_window};

/// The last granule of 64 bits.
const HIGHEST: u64 = u64::MAX - (GRANULE - 1);

fn memory_len(scene: &mut Scene<'_>) -> u64 {
    u64::from(scene.guest.call(|probe, store| probe.call_memory_size(store))) << 16
}

#[test]
fn a_window_off_the_granule_is_refused() {
    refused_window(ErrorCode::Alignment, |scene| (scene.free + 1, GRANULE, GRANULE));
    refused_window(ErrorCode::Alignment, |scene| (scene.free + GRANULE / 2, GRANULE, GRANULE));
}

#[test]
fn a_length_off_the_granule_is_refused() {
    refused_window(ErrorCode::Alignment, |scene| (scene.free, 1, GRANULE));
    refused_window(ErrorCode::Alignment, |scene| (scene.free, GRANULE + 1, GRANULE));
}

#[test]
fn an_object_offset_off_the_granule_is_refused() {
    refused_window(ErrorCode::Alignment, |scene| (scene.free, GRANULE, GRANULE + 1));
    refused_window(ErrorCode::Alignment, |scene| (scene.free, GRANULE, GRANULE / 2));
}

#[test]
fn a_window_that_starts_outside_of_the_memory_is_refused() {
    refused_window(ErrorCode::Bounds, |scene| (memory_len(scene), GRANULE, GRANULE));
    refused_window(ErrorCode::Bounds, |_| (1 << 40, GRANULE, GRANULE));
}

#[test]
fn a_window_that_ends_outside_of_the_memory_is_refused() {
    refused_window(ErrorCode::Bounds, |scene| (memory_len(scene) - GRANULE, 2 * GRANULE, GRANULE));
    refused_window(ErrorCode::Bounds, |scene| (scene.free, 1 << 40, GRANULE));
}

#[test]
fn a_window_that_wraps_around_is_refused() {
    refused_window(ErrorCode::Bounds, |_| (HIGHEST, GRANULE, GRANULE));
    refused_window(ErrorCode::Bounds, |_| (HIGHEST, 2 * GRANULE, GRANULE));
    refused_window(ErrorCode::Bounds, |scene| (scene.free, HIGHEST, GRANULE));
}

#[test]
fn a_range_that_starts_past_the_object_is_refused() {
    refused_window(ErrorCode::Bounds, |scene| (scene.free, GRANULE, 3 * GRANULE));
    refused_window(ErrorCode::Bounds, |scene| (scene.free, GRANULE, 1 << 40));
    refused_window(ErrorCode::Bounds, |scene| (scene.free, GRANULE, HIGHEST));
    refused_window(ErrorCode::Bounds, |scene| (scene.free, 2 * GRANULE, HIGHEST));
}

#[test]
fn a_range_that_starts_at_the_objects_end_is_refused() {
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        refused_after(
            |scene| scene.guest.open("other"),
            ErrorCode::Bounds,
            |scene, other| scene.guest.try_map(scene.free, GRANULE, other, ask.at(4 * GRANULE)),
        );
    }
}

#[test]
fn a_range_past_the_objects_last_granule_is_refused() {
    refused_window(ErrorCode::Bounds, |scene| (scene.free, 4 * GRANULE, 0));
    refused_window(ErrorCode::Bounds, |scene| (scene.free, 2 * GRANULE, 2 * GRANULE));
}

#[test]
fn zero_bytes_are_refused() {
    refused_window(ErrorCode::Bounds, |scene| (scene.free, 0, GRANULE));
    refused(ErrorCode::Bounds, |scene| scene.guest.anonymous(0));
    refused(ErrorCode::Bounds, |scene| scene.guest.resize(scene.object, 0));
    for_each_part_call(|part| part(|live| (live.start, 0)));
}

#[test]
fn a_part_outside_of_the_window_is_refused() {
    for_each_part_call(|part| part(|live| (live.start - GRANULE, GRANULE)));
    for_each_part_call(|part| part(|live| (live.start, GRANULE + 1)));
    for_each_part_call(|part| part(|live| (live.start + 1, GRANULE)));
    for_each_part_call(|part| part(|live| (live.start + GRANULE, 1)));
    for_each_part_call(|part| part(|live| (live.start, u64::MAX)));
    for_each_part_call(|part| part(|live| (live.start + (1 << 32), 1)));
}

/// Every call that takes a part of a window is refused with `bounds`.
fn for_each_part_call(claim: impl Fn(&dyn Fn(fn(Mapped) -> (u64, u64)))) {
    claim(&|part| {
        type Call = fn(&mut Scene<'_>, (u64, u64)) -> Answer<()>;
        let calls: [Call; 5] = [
            |s, (at, len)| s.guest.call(|p, store| p.call_publish(store, s.live.index, at, len)),
            |s, (at, len)| s.guest.call(|p, store| p.call_refresh(store, s.live.index, at, len)),
            |s, (at, len)| s.guest.call(|p, store| p.call_sync(store, s.live.index, at, len)),
            |s, (at, len)| {
                s.guest.call(|p, store| p.call_acquire(store, s.live.index, at, len, Access::Read)).map(drop)
            },
            |s, (at, len)| {
                s.guest.call(|p, store| p.call_acquire(store, s.live.index, at, len, Access::Write)).map(drop)
            },
        ];
        for call in calls {
            refused(ErrorCode::Bounds, |scene| call(scene, part(scene.live)));
        }
    });
}

#[test]
fn overlapping_windows_are_refused() {
    refused_window(ErrorCode::Overlap, |scene| (scene.live.start, GRANULE, GRANULE));
    refused_window(ErrorCode::Overlap, |scene| (scene.live.start, 2 * GRANULE, GRANULE));
    refused_after(
        |scene| {
            let other = scene.guest.open("other");
            (other, scene.guest.try_map(scene.free + GRANULE, 2 * GRANULE, other, PRIVATE).expect("maps"))
        },
        ErrorCode::Overlap,
        |scene, (other, mapped)| {
            let start = mapped.start - GRANULE;
            let answer = scene.guest.try_map(start, 4 * GRANULE, other, LEASED);
            assert_eq!(scene.guest.try_map(start, 2 * GRANULE, other, LEASED).unwrap_err(), ErrorCode::Overlap);
            assert_eq!(
                scene.guest.try_map(mapped.start + GRANULE, GRANULE, other, LEASED).unwrap_err(),
                ErrorCode::Overlap
            );
            scene.guest.unmap(mapped).expect("unmaps");
            // As the shot was: the window that was in the way is back, over zeros.
            scene.guest.try_map(mapped.start, mapped.len, other, PRIVATE).expect("maps");
            answer
        },
    );
}

#[test]
fn a_second_automatic_window_on_the_same_bytes_is_refused() {
    refused(ErrorCode::Overlap, |scene| scene.guest.try_map(scene.free, GRANULE, scene.object, AUTOMATIC));
    refused(ErrorCode::Overlap, |scene| scene.guest.try_map(scene.free, 2 * GRANULE, scene.object, AUTOMATIC));
}

#[test]
fn a_second_automatic_window_through_another_handle_is_refused() {
    refused_after(
        |scene| scene.guest.open("object"),
        ErrorCode::Overlap,
        |scene, again| scene.guest.try_map(scene.free, GRANULE, again, AUTOMATIC),
    );
}

#[test]
fn automatic_windows_on_different_bytes_are_allowed_up_to_the_tail() {
    memctl_tests::on_every_backend(|world| {
        world.publish("object", SIZE);
        let mut guest = world.guest();
        let object = guest.open("object");
        for granule in 0..3 {
            let mapped = guest.mapped(object, GRANULE, AUTOMATIC.at(granule * GRANULE));
            guest.write(mapped.start, &[9; 4096]);
        }
        assert_eq!(world.object("object"), [9; SIZE as usize]);
    });
}
