//! Two and three programs that use the SDK.

use std::thread;

use memctl_tests::World;
use memctl_wasmtime::Mode;

use crate::guest::{ErrorCode, Guest, Token, moved, on_copy, on_every_backend, published};

#[test]
fn numbers_change_hands_as_what_they_are() {
    on_every_backend(|world| {
        let (mut from, mut to) = (Guest::with_sdk(world), Guest::with_sdk(world));
        let numbers: Vec<u32> = (0..1000).map(|number| number * number).collect();
        let (token, given) = moved(world, || from.sdk(|sdk, store| sdk.call_give_numbers(store, &numbers)));
        let token = token.expect("room");
        assert_eq!(given, on_copy(world, 4000));
        let take_number = |to: &mut Guest, token| to.sdk(|sdk, store| sdk.call_take_number(store, token));
        assert_eq!(take_number(&mut to, token), Err(ErrorCode::Bounds), "it isn't one of 8 bytes");
        let taken = to.sdk(|sdk, store| sdk.call_take_numbers(store, token));
        assert_eq!(taken.expect("still given"), numbers);
        assert_eq!(to.sdk(|sdk, store| sdk.call_take_numbers(store, token)), Err(ErrorCode::Stale), "it was dropped");
        let forged = Token { offset: u64::MAX, ..token };
        assert_eq!(take_number(&mut to, forged), Err(ErrorCode::Bounds));
        assert_eq!(take_number(&mut to, Token { heap: 99, ..token }), Err(ErrorCode::NotFound));
    });
}

#[test]
fn a_dropped_block_is_freed_and_a_detached_window_zero() {
    on_every_backend(|world| {
        let mut guest = Guest::with_sdk(world);
        for _ in 0..100 {
            guest.sdk(|sdk, store| sdk.call_drop_block(store, 60_000)).expect("room each time");
        }
        assert_eq!(guest.sdk(|sdk, store| sdk.call_status(store)).expect("attached").blocks, 0);
        assert_eq!(guest.sdk(|sdk, store| sdk.call_detach(store)), Ok(true));
        assert_eq!(guest.sdk(|sdk, store| sdk.call_attach(store, "heap")), Ok(()));
    });
}

#[test]
fn a_list_that_one_guest_built_is_walked_by_others() {
    on_every_backend(|world| {
        let values: Vec<u64> = (0..500).map(|value| value * 7).collect();
        let (mut builder, mut one, mut two) = (Guest::with_sdk(world), Guest::with_sdk(world), Guest::with_sdk(world));
        // Another heap in front puts the window somewhere else.
        two.sdk(|sdk, store| sdk.call_attach(store, "other")).expect("attaches");
        two.sdk(|sdk, store| sdk.call_attach(store, "both")).expect("attaches");
        let list = builder.sdk(|sdk, store| sdk.call_share_list(store, &values)).expect("room");
        let blocks = builder.sdk(|sdk, store| sdk.call_share_blocks(store, &values[..50])).expect("room");
        for guest in [&mut one, &mut two] {
            for _ in 0..2 {
                assert_eq!(guest.sdk(|sdk, store| sdk.call_walk_list(store, list)).expect("shared"), values);
                assert_eq!(guest.sdk(|sdk, store| sdk.call_walk_blocks(store, blocks)).expect("shared"), values[..50]);
            }
        }
        drop(builder);
        assert_eq!(one.sdk(|sdk, store| sdk.call_walk_list(store, list)).unwrap_err(), ErrorCode::Stale);
    });
}

#[test]
fn a_tree_of_two_blocks_is_given_away_whole() {
    on_every_backend(|world| {
        let values: Vec<u64> = (1..=300).collect();
        let (mut from, mut to) = (Guest::with_sdk(world), Guest::with_sdk(world));
        let (nodes, leaves) = from.sdk(|sdk, store| sdk.call_give_tree(store, &values)).expect("room");
        assert_eq!(to.sdk(|sdk, store| sdk.call_sum_tree(store, nodes, leaves)), Ok(300 * 301 / 2));
    });
}

#[test]
fn a_links_target_is_checked_whatever_stands_in_the_block() {
    on_every_backend(|world| {
        let (mut writer, mut reader) = (Guest::attached(world), Guest::with_sdk(world));
        for fill in [0xff, 0x01, 0x80] {
            let block = writer.alloc(24 * 4);
            writer.write(block, &[fill; 96]);
            writer.share(block).expect("its own");
            let walked = reader.sdk(|sdk, store| sdk.call_walk_list(store, block));
            assert_eq!(walked.unwrap_err(), ErrorCode::Stale);
        }
    });
}

#[test]
fn three_programs_send_and_receive() {
    on_every_backend(|world| {
        let (mut one, mut two, mut to) = (Guest::with_sdk(world), Guest::with_sdk(world), Guest::with_sdk(world));
        assert_eq!(to.sdk(|sdk, store| sdk.call_try_receive(store, 5)), Ok(None));
        assert_eq!(to.sdk(|sdk, store| sdk.call_receive(store, 5, 1)), Err(ErrorCode::TimedOut));
        assert_eq!(to.sdk(|sdk, store| sdk.call_try_receive(store, 8)), Err(ErrorCode::NotFound));
        for value in 0..10 {
            let from = if value % 2 == 0 { &mut one } else { &mut two };
            from.sdk(|sdk, store| sdk.call_send(store, 5, value)).expect("room");
        }
        for value in 0..10 {
            assert_eq!(to.sdk(|sdk, store| sdk.call_receive(store, 5, u64::MAX)), Ok(value));
        }
        let status = to.sdk(|sdk, store| sdk.call_status(store)).expect("attached");
        assert_eq!(status.blocks, 0, "who received them dropped them");
    });
}

#[test]
fn a_program_reads_through_a_window_that_it_can_not_write() {
    let world = World::with(Mode::Alias, published);
    let (mut writer, mut reader) = (Guest::with_sdk(&world), Guest::with_sdk(&world));
    reader.sdk(|sdk, store| sdk.call_attach_read_only(store, "heap")).expect("host pages protect it");
    let list = writer.sdk(|sdk, store| sdk.call_share_list(store, &[1, 2, 3])).expect("room");
    assert_eq!(reader.sdk(|sdk, store| sdk.call_walk_list(store, list)).expect("shared"), [1, 2, 3]);
    let bare = World::with(Mode::Copy, published);
    let mut reader = Guest::with_sdk(&bare);
    let refused = reader.sdk(|sdk, store| sdk.call_attach_read_only(store, "heap"));
    assert_eq!(refused, Err(ErrorCode::Unsupported));
}

#[test]
fn a_ring_goes_round_between_two_threads() {
    for mode in memctl_tests::BACKENDS {
        let world = World::with(mode, |builder| published(builder).parallel());
        let (mut producer, mut consumer) = (Guest::with_sdk(&world), Guest::with_sdk(&world));
        let (produced, consumed) = thread::scope(|scope| {
            let produced = scope.spawn(|| producer.sdk(|sdk, store| sdk.call_produce(store, 500, 3, 512)));
            let consumed = scope.spawn(|| consumer.sdk(|sdk, store| sdk.call_consume(store, 500)));
            (produced.join().expect("no trap"), consumed.join().expect("no trap"))
        });
        assert_eq!(produced, Ok((0..500).sum::<u64>() * 512));
        assert_eq!(produced, consumed);
    }
}
