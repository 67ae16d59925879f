//! Heaps that are seen as one, and heaps that grow.

use memctl_tests::World;
use memctl_wasmtime::{HeapOptions, Source};

use crate::guest::{ErrorCode, Guest, LEN, on_every_backend};

#[test]
fn a_chain_is_attached_and_allocated_in_as_one() {
    on_every_backend(|world| {
        let mut both = Guest::attached_to(world, "both");
        let chain = both.heap;
        assert_eq!((both.status().len, both.status().max_len), (2 * LEN, 2 * LEN));
        let member = |guest: &mut Guest, index| guest.raw(|raw, store| raw.call_member(store, chain, index));
        let (first, second) = (member(&mut both, 0).expect("two"), member(&mut both, 1).expect("two"));
        assert_eq!((first.start, second.start), (0, LEN));
        assert_eq!(member(&mut both, 2).unwrap_err(), ErrorCode::NotFound);

        let in_first = both.try_alloc(LEN, 16).expect("it has room");
        let in_second = both.try_alloc(100, 16).expect("the other one has room");
        assert_eq!((in_first.heap, in_second.heap, in_second.offset), (first.heap, second.heap, 0));
        let start = both.start;
        let place = start + u32::try_from(second.start).expect("small");
        both.raw(|raw, store| raw.call_write(store, place, b"in the second"));
        both.give(in_second).expect("its own");
        // Who attached that heap alone has the same block.
        let mut other = Guest::attached_to(world, "other");
        other.take(in_second).expect("given");
        assert_eq!(other.read(in_second, 13), b"in the second");
        let mut heap = Guest::attached_to(world, "heap");
        assert_eq!(heap.send(0, in_second), Err(ErrorCode::NotFound), "a queue of another heap");
    });
}

#[test]
fn a_program_with_the_sdk_uses_a_chain_as_one_heap() {
    on_every_backend(|world| {
        let mut both = Guest::with_sdk(world);
        both.sdk(|sdk, store| sdk.call_attach(store, "both")).expect("attaches");
        let mut other = Guest::with_sdk(world);
        other.sdk(|sdk, store| sdk.call_attach(store, "other")).expect("attaches");
        let numbers: Vec<u32> = (0..9000).collect();
        let mut tokens = Vec::new();
        for _ in 0..2 {
            tokens.push(both.sdk(|sdk, store| sdk.call_give_numbers(store, &numbers)).expect("room"));
        }
        assert_ne!(tokens[0].heap, tokens[1].heap, "one is too large for what is left of the first heap");
        assert_eq!(other.sdk(|sdk, store| sdk.call_take_numbers(store, tokens[0])).unwrap_err(), ErrorCode::NotFound);
        assert_eq!(other.sdk(|sdk, store| sdk.call_take_numbers(store, tokens[1])).expect("its heap's"), numbers);
    });
}

#[test]
fn a_heap_grows_under_the_guests_that_attached_it() {
    for mode in memctl_tests::BACKENDS {
        let options = HeapOptions { max_len: 1 << 20, ..HeapOptions::default() };
        let world = World::with(mode, |builder| builder.heap("heap", Source::anonymous(8192), options));
        let (mut one, mut two) = (Guest::attached(&world), Guest::attached(&world));
        assert_eq!((one.status().len, one.status().max_len), (8192, 1 << 20));
        let small = one.alloc(5000);
        one.write(small, b"small");
        let large = one.alloc(200_000);
        assert!(one.status().len > 200_000);
        assert_eq!(one.read(large, 200_000), vec![0; 200_000]);
        one.write(large, b"large");
        for block in [small, large] {
            one.give(block).expect("its own");
            two.take(block).expect("given");
        }
        assert_eq!((two.read(small, 5), two.read(large, 5)), (b"small".to_vec(), b"large".to_vec()));
        assert_eq!(one.try_alloc(1 << 20, 1).unwrap_err(), ErrorCode::OutOfMemory);
    }
}
