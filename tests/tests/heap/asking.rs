//! Calls that are refused, each with its own error and nothing changed.

use memctl_wasmtime::HeapRights;

use crate::guest::{ErrorCode, Guest, LEN, PLAIN, Protection, Token, on_every_backend};

#[test]
fn a_token_forged_in_any_field_is_stale() {
    on_every_backend(|world| {
        let (mut owner, mut other) = (Guest::attached(world), Guest::attached(world));
        let block = owner.alloc(64);
        owner.write(block, b"mine");
        let mut forged = Vec::new();
        for change in [1, 16, 1 << 32, u64::MAX] {
            forged.push(Token { heap: block.heap.wrapping_add(change), ..block });
            forged.push(Token { offset: block.offset.wrapping_add(change), ..block });
            forged.push(Token { len: block.len.wrapping_add(change), ..block });
            forged.push(Token { generation: block.generation.wrapping_add(change), ..block });
        }
        for token in forged {
            for guest in [&mut owner, &mut other] {
                let answers = [guest.free(token), guest.share(token), guest.unshare(token), guest.give(token)];
                assert_eq!(answers, [Err(ErrorCode::Stale); 4], "{token:?}");
                let answers = [guest.take(token), guest.resolve(token), guest.release(token), guest.send(0, token)];
                assert_eq!(answers, [Err(ErrorCode::Stale); 4], "{token:?}");
            }
        }
        assert_eq!(owner.read(block, 4), b"mine");
        assert_eq!(owner.free(block), Ok(()));
    });
}

#[test]
fn a_block_is_its_owners_alone_and_freed_once() {
    on_every_backend(|world| {
        let (mut owner, mut other) = (Guest::attached(world), Guest::attached(world));
        let block = owner.alloc(64);
        let answers = [other.free(block), other.share(block), other.unshare(block), other.give(block)];
        assert_eq!(answers, [Err(ErrorCode::Access); 4]);
        assert_eq!(other.send(0, block), Err(ErrorCode::Access));
        assert_eq!(other.take(block), Err(ErrorCode::Busy));
        assert_eq!(other.resolve(block), Err(ErrorCode::Busy));
        assert_eq!(owner.free(block), Ok(()));
        assert_eq!(owner.free(block), Err(ErrorCode::Stale));
        let again = owner.alloc(64);
        assert_eq!(again.offset, block.offset, "the same place");
        assert_eq!(owner.free(block), Err(ErrorCode::Stale), "but another block");
        assert_eq!(owner.free(again), Ok(()));
    });
}

#[test]
fn what_can_not_be_allocated_is_refused_and_takes_nothing() {
    on_every_backend(|world| {
        let mut guest = Guest::attached(world);
        let before = guest.status().free;
        for (ask, error) in [
            ((0, 16), ErrorCode::Bounds),
            ((16, 0), ErrorCode::Alignment),
            ((16, 24), ErrorCode::Alignment),
            ((LEN + 1, 1), ErrorCode::OutOfMemory),
            ((u64::MAX, 1), ErrorCode::Quota),
        ] {
            assert_eq!(guest.try_alloc(ask.0, ask.1).unwrap_err(), error, "{ask:?}");
        }
        assert_eq!((guest.status().free, guest.status().blocks), (before, 0));
        let whole = guest.try_alloc(LEN, 1).expect("all of it");
        assert_eq!(guest.try_alloc(1, 1).unwrap_err(), ErrorCode::OutOfMemory);
        assert_eq!(guest.free(whole), Ok(()));
        let first = guest.try_alloc(1, 1 << 63).expect("the heap's first byte is a multiple of anything");
        assert_eq!(first.offset, 0);
        assert_eq!(guest.try_alloc(1, 1 << 63).unwrap_err(), ErrorCode::OutOfMemory);
        let aligned = guest.try_alloc(1, 4096).expect("room");
        assert_eq!(aligned.offset % 4096, 0);
    });
}

#[test]
fn a_heap_is_attached_once_where_there_is_room() {
    on_every_backend(|world| {
        let mut guest = Guest::attached(world);
        let heap = guest.heap;
        assert_eq!(guest.attach(Protection::ReadWrite), Err(ErrorCode::Overlap));
        assert_eq!(guest.detach(), Ok(()));
        assert_eq!(guest.detach(), Err(ErrorCode::Stale));
        let at = |guest: &mut Guest, heap, window, start| {
            guest.raw(|raw, store| raw.call_attach_at(store, heap, window, start, Protection::ReadWrite))
        };
        assert_eq!(at(&mut guest, heap, 0, 1), Err(ErrorCode::Alignment));
        assert_eq!(at(&mut guest, heap, 0, 1 << 40), Err(ErrorCode::Bounds));
        assert_eq!(at(&mut guest, heap, 0, u64::MAX - 4095), Err(ErrorCode::Bounds));
        assert_eq!(at(&mut guest, heap, 7, 0), Err(ErrorCode::NotFound));
        assert_eq!(at(&mut guest, heap + 100, 0, 0), Err(ErrorCode::Stale));
        assert_eq!(guest.raw(|raw, store| raw.call_open(store, "nothing")), Err(ErrorCode::NotFound));
        assert_eq!(guest.raw(|raw, store| raw.call_member(store, heap, 1)).unwrap_err(), ErrorCode::NotFound);
        assert_eq!(guest.receive(8, 0).unwrap_err(), ErrorCode::NotFound);
        assert_eq!(guest.receive(0, 0).unwrap_err(), ErrorCode::TimedOut);
        assert_eq!(guest.attach(Protection::ReadWrite), Ok(()), "none of it changed anything");
    });
}

#[test]
fn a_guest_does_what_its_own_rights_let_it() {
    on_every_backend(|world| {
        let mut all = Guest::attached(world);
        let of = |rights| {
            let mut guest = Guest::new(world, PLAIN, |ctx| ctx.heap_rights("heap", rights));
            guest.open("heap");
            guest
        };
        let mut writer = of(HeapRights::READ | HeapRights::WRITE);
        assert_eq!(writer.attach(Protection::ReadWrite), Ok(()));
        assert_eq!(writer.try_alloc(16, 16).unwrap_err(), ErrorCode::Access);
        let block = all.alloc(16);
        all.write(block, b"given");
        assert_eq!(all.give(block), Ok(()));
        let mut reader = of(HeapRights::READ);
        assert_eq!(reader.attach(Protection::ReadWrite), Err(ErrorCode::Access));
        assert_eq!(reader.take(block), Err(ErrorCode::Access));
        assert_eq!(reader.receive(0, 0).unwrap_err(), ErrorCode::Access);
        assert_eq!(writer.take(block), Ok(()));
        assert_eq!(writer.read(block, 5), b"given");
        let mut nobody = Guest::new(world, PLAIN, |ctx| ctx.heap_rights("heap", HeapRights::empty()));
        assert_eq!(nobody.raw(|raw, store| raw.call_open(store, "heap")), Err(ErrorCode::Access));
        assert!(nobody.raw(|raw, store| raw.call_open(store, "other")).is_ok(), "the rights are one heap's");
    });
}
