//! Blocks that change hands, and what moves when they do.

use crate::guest::{ErrorCode, Guest, LEN, moved, on_copy, on_every_backend};

#[test]
fn a_block_is_given_and_taken_and_nothing_else_moves() {
    on_every_backend(|world| {
        let (_, attaching) = moved(world, || drop((Guest::attached(world), Guest::attached(world))));
        assert_eq!(attaching, 0, "attaching moves nothing");
        let (mut from, mut to) = (Guest::attached(world), Guest::attached(world));
        let (keeps, block) = (from.alloc(4096), from.alloc(4096));
        from.write(keeps, b"kept");
        from.write(block, b"handed over");
        let (_, giving) = moved(world, || from.give(block).expect("its own"));
        let (_, taking) = moved(world, || to.take(block).expect("given"));
        assert_eq!((giving, taking), (on_copy(world, 4096), on_copy(world, 4096)));
        assert_eq!(to.read(block, 11), b"handed over");
        assert_eq!(to.take(block), Err(ErrorCode::Busy));
        assert_eq!(from.give(block), Err(ErrorCode::Access));
        to.write(block, b"and back");
        to.give(block).expect("its own");
        from.take(block).expect("given");
        assert_eq!(from.read(block, 11), b"and backver");
        assert_eq!(from.read(keeps, 4), b"kept");
    });
}

#[test]
fn a_shared_block_is_read_by_many_and_stays_until_they_are_done() {
    on_every_backend(|world| {
        let (mut owner, mut one, mut two) = (Guest::attached(world), Guest::attached(world), Guest::attached(world));
        let block = owner.alloc(32);
        owner.write(block, b"before");
        assert_eq!(one.resolve(block), Err(ErrorCode::Busy));
        let (_, sharing) = moved(world, || owner.share(block).expect("its own"));
        assert_eq!(sharing, on_copy(world, 32));
        for guest in [&mut one, &mut two] {
            let (_, resolving) = moved(world, || guest.resolve(block).expect("shared"));
            assert_eq!(resolving, on_copy(world, 32));
            assert_eq!(guest.read(block, 6), b"before");
            assert_eq!(guest.resolve(block), Err(ErrorCode::Busy));
        }
        for refused in [owner.free(block), owner.give(block), owner.unshare(block), owner.send(0, block)] {
            assert_eq!(refused, Err(ErrorCode::Busy));
        }
        assert_eq!(one.release(block), Ok(()));
        assert_eq!(one.release(block), Err(ErrorCode::Stale));
        assert_eq!(owner.unshare(block), Err(ErrorCode::Busy));
        assert_eq!(two.release(block), Ok(()));
        assert_eq!(owner.unshare(block), Ok(()));
        owner.write(block, b"after!");
        owner.share(block).expect("its own");
        one.resolve(block).expect("shared");
        assert_eq!(one.read(block, 6), b"after!");
    });
}

#[test]
fn a_queue_hands_blocks_on_in_the_order_in_which_they_were_sent() {
    on_every_backend(|world| {
        let (mut one, mut two, mut to) = (Guest::attached(world), Guest::attached(world), Guest::attached(world));
        let mut sent = Vec::new();
        for number in 0..6_u8 {
            let from = if number % 2 == 0 { &mut one } else { &mut two };
            let block = from.alloc(16);
            from.write(block, &[number; 16]);
            from.send(3, block).expect("its own");
            sent.push(block);
        }
        for (number, block) in (0..).zip(sent) {
            let got = to.receive(3, 0).expect("sent");
            assert_eq!((got.offset, got.generation), (block.offset, block.generation));
            assert_eq!(to.read(got, 16), [number; 16]);
        }
        assert_eq!(to.receive(3, 0).unwrap_err(), ErrorCode::TimedOut);
    });
}

#[test]
fn detaching_leaves_zeros_and_the_blocks_their_owners() {
    on_every_backend(|world| {
        let mut guest = Guest::attached(world);
        let block = guest.alloc(5000);
        guest.write(block, b"still mine");
        let start = guest.start;
        guest.detach().expect("attached");
        let window = guest.raw(|raw, store| raw.call_read(store, start, u32::try_from(LEN).expect("small")));
        assert!(window.iter().all(|byte| *byte == 0), "nothing is left");
        guest.attach(crate::guest::Protection::ReadWrite).expect("again, elsewhere");
        assert_ne!(guest.start, start);
        assert_eq!(guest.read(block, 10), b"still mine");
    });
}

#[test]
fn a_guest_that_scribbles_over_everything_spoils_bytes_only() {
    on_every_backend(|world| {
        let (mut victim, mut vandal) = (Guest::attached(world), Guest::attached(world));
        let (before, behind) = (victim.alloc(100), victim.alloc(5000));
        let shared = victim.alloc(64);
        for block in [before, behind, shared] {
            victim.write(block, b"victim");
        }
        victim.share(shared).expect("its own");
        let own = vandal.alloc(256);
        let (start, len) = (vandal.start, u32::try_from(LEN).expect("small"));
        vandal.raw(|raw, store| raw.call_fill(store, start, len, 0xff));
        vandal.give(own).expect("its own");
        let status = victim.status();
        assert_eq!(status.blocks, 4);
        if world.mode == memctl_wasmtime::Mode::Copy {
            for block in [before, behind, shared] {
                assert_eq!(victim.read(block, 6), b"victim");
            }
            let mut reader = Guest::attached(world);
            reader.resolve(shared).expect("shared");
            assert_eq!(reader.read(shared, 6), b"victim");
        }
        // The allocator goes on: new blocks are zero and apart from the others.
        for len in [1, 16, 100, 4096] {
            let block = victim.alloc(len);
            let len = u32::try_from(len).expect("small");
            assert_eq!(victim.read(block, len), vec![0; len as usize]);
        }
        victim.take(own).expect("given");
        assert_eq!(victim.read(own, 256), [0xff; 256]);
        for block in [before, behind, shared, own] {
            victim.free(block).expect("its own");
        }
    });
}
