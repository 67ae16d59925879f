//! Guests that forge tokens, and guests that store all over the heap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use memctl_tests::World;
use memctl_wasmtime::Mode;

use crate::guest::{ErrorCode, Guest, LEN, Token, on_every_backend, published};

/// What may be at the edge of some check, near `number` and elsewhere.
fn edges(number: u64) -> Vec<u64> {
    let near = |value: u64| [value.wrapping_sub(1), value, value.wrapping_add(1)];
    let powers = (0..64).flat_map(|bit| near(1 << bit));
    let flipped = (0..64).map(|bit| number ^ (1 << bit));
    let around = [LEN, LEN - 16, u64::MAX, u64::MAX / 2, !number, number.swap_bytes(), number << 32, number >> 32];
    let mut all: Vec<u64> =
        powers.chain(flipped).chain(around.into_iter().flat_map(near)).chain(near(number)).collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|value| *value != number);
    all
}

/// Tokens of which one field is something else.
fn forged(block: Token) -> impl Iterator<Item = Token> {
    let heaps = edges(block.heap).into_iter().map(move |heap| Token { heap, ..block });
    let offsets = edges(block.offset).into_iter().map(move |offset| Token { offset, ..block });
    let lens = edges(block.len).into_iter().map(move |len| Token { len, ..block });
    let generations = edges(block.generation).into_iter().map(move |generation| Token { generation, ..block });
    heaps.chain(offsets).chain(lens).chain(generations)
}

#[test]
fn no_value_of_any_field_makes_a_token_of_another_block() {
    on_every_backend(|world| {
        let (mut owner, mut other) = (Guest::attached(world), Guest::attached(world));
        let [owned, shared, given, sent] = [64, 128, 256, 512].map(|len| owner.alloc(len));
        for (block, text) in [(owned, b"own"), (shared, b"sha"), (given, b"giv"), (sent, b"sen")] {
            owner.write(block, text);
        }
        owner.share(shared).expect("its own");
        other.resolve(shared).expect("shared");
        owner.give(given).expect("its own");
        owner.send(0, sent).expect("its own");
        let known = |owner: &mut Guest| {
            let status = owner.status();
            (status.free, status.largest_free, status.blocks, world.domain.usage())
        };
        let before = known(&mut owner);
        for token in [owned, shared, given, sent].into_iter().flat_map(forged) {
            for guest in [&mut owner, &mut other] {
                let answers = [guest.free(token), guest.share(token), guest.unshare(token), guest.give(token)];
                assert_eq!(answers, [Err(ErrorCode::Stale); 4], "{token:?}");
                let answers = [guest.take(token), guest.resolve(token), guest.release(token), guest.send(0, token)];
                assert_eq!(answers, [Err(ErrorCode::Stale); 4], "{token:?}");
            }
        }
        assert_eq!(known(&mut owner), before);
        assert_eq!((owner.read(owned, 3), other.read(shared, 3)), (b"own".to_vec(), b"sha".to_vec()));
        other.take(given).expect("given still");
        let received = other.receive(0, 0).expect("sent still");
        assert_eq!((other.read(given, 3), other.read(received, 3)), (b"giv".to_vec(), b"sen".to_vec()));
        assert_eq!(received.generation, sent.generation);
    });
}

/// What only the scribbler stores, and what only the other guest does.
const SCRIBBLE: u8 = 0xa5;
const SECRET: [u8; 16] = *b"a private secret";

fn scribble(guest: &mut Guest) {
    let start = guest.start;
    guest.raw(|raw, store| raw.call_fill(store, start, small(LEN), SCRIBBLE));
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("small")
}

/// The bytes that a guest sees at the heap, whoever's they are.
fn whole(guest: &mut Guest) -> Vec<u8> {
    let start = guest.start;
    guest.raw(|raw, store| raw.call_read(store, start, small(LEN)))
}

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|part| part == SECRET)
}

/// Whether the bytes that the host has of the heap show it.
fn heap_has_secret(world: &World) -> bool {
    let mut bytes = vec![0; usize::try_from(LEN).expect("small")];
    world.domain.read_heap("heap", 0, &mut bytes).expect("published");
    has_secret(&bytes)
}

/// Hands a block to another guest and back. What is in it is checked where others' stores can't be.
fn hand_round(mode: Mode, round: u32, worker: &mut Guest, partner: &mut Guest, between: &mut impl FnMut()) {
    let len = 1 + u64::from(round * 37 % 5000);
    let block = worker.alloc(len);
    between();
    if mode == Mode::Copy {
        assert_eq!(worker.read(block, small(len)), vec![0; small(len) as usize], "round {round}");
    }
    let bytes: Vec<u8> = (0..len).map(|at| (at % 97) as u8 + 1).collect();
    worker.write(block, &bytes);
    between();
    worker.send(round % 8, block).expect("its own");
    between();
    let received = partner.receive(round % 8, 0).expect("it was sent");
    assert_eq!(received.offset, block.offset);
    between();
    if mode == Mode::Copy {
        assert_eq!(partner.read(received, small(len)), bytes, "round {round}");
    }
    partner.share(received).expect("its own");
    worker.resolve(received).expect("shared");
    between();
    if mode == Mode::Copy {
        assert_eq!(worker.read(received, small(len)), bytes, "round {round}");
    }
    worker.release(received).expect("read");
    partner.free(received).expect("its own");
}

#[test]
fn a_guest_that_stores_all_over_the_heap_stops_no_call_of_others() {
    on_every_backend(|world| {
        let (mut scribbler, mut worker, mut partner) =
            (Guest::attached(world), Guest::attached(world), Guest::attached(world));
        let private = worker.alloc(16);
        worker.write(private, &SECRET);
        for round in 0..200 {
            hand_round(world.mode, round, &mut worker, &mut partner, &mut || scribble(&mut scribbler));
            if world.mode == Mode::Copy {
                assert_eq!(worker.read(private, 16), SECRET);
                assert!(!has_secret(&whole(&mut scribbler)) && !has_secret(&whole(&mut partner)));
                assert!(!heap_has_secret(world));
            }
        }
        assert_eq!(worker.status().blocks, 1);
        worker.free(private).expect("its own");
        assert_eq!((worker.status().blocks, worker.status().free), (0, LEN));
    });
}

#[test]
fn a_guest_that_stores_all_over_the_heap_on_a_thread_of_its_own_reaches_nobody_on_copy() {
    let world = World::with(Mode::Copy, |builder| published(builder).parallel());
    let (mut scribbler, mut worker, mut partner) =
        (Guest::attached(&world), Guest::attached(&world), Guest::attached(&world));
    let private = worker.alloc(16);
    worker.write(private, &SECRET);
    let (stop, stores) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                scribble(&mut scribbler);
                assert!(!has_secret(&whole(&mut scribbler)));
                stores.store(true, Ordering::Relaxed);
            }
        });
        while !stores.load(Ordering::Relaxed) && !storm.is_finished() {
            thread::yield_now();
        }
        for round in 0..200 {
            hand_round(Mode::Copy, round, &mut worker, &mut partner, &mut || ());
            assert_eq!(worker.read(private, 16), SECRET);
            assert!(!has_secret(&whole(&mut partner)) && !heap_has_secret(&world));
        }
        stop.store(true, Ordering::Relaxed);
    });
    worker.free(private).expect("its own");
    assert_eq!((worker.status().blocks, worker.status().free), (0, LEN));
}

#[test]
fn where_pages_keep_blocks_apart_who_stores_all_over_the_heap_is_trapped() {
    let world = World::with(Mode::Alias, |builder| published(builder).parallel());
    let (mut scribbler, mut worker, mut partner) =
        (Guest::attached(&world), Guest::attached(&world), Guest::attached(&world));
    let private = worker.alloc(16);
    worker.write(private, &SECRET);
    let start = scribbler.start;
    let stored = scribbler.try_raw(|raw, store| raw.call_fill(store, start, small(LEN), SCRIBBLE));
    assert!(stored.is_err());
    for round in 0..100 {
        // With blocks apart what was stored in them is kept as on copy.
        hand_round(Mode::Copy, round, &mut worker, &mut partner, &mut || ());
    }
    assert_eq!(worker.read(private, 16), SECRET);
}
