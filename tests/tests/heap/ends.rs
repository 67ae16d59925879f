//! What becomes of blocks when their owner ends.

use memctl_tests::World;
use memctl_wasmtime::{HeapOptions, Orphans, Quotas, Source};

use crate::guest::{ErrorCode, Guest, LEN, PLAIN, Protection, on_every_backend};

#[test]
fn the_blocks_of_a_guest_that_traps_are_freed_with_its_store() {
    on_every_backend(|world| {
        let mut survivor = Guest::attached(world);
        let mut dies = Guest::attached(world);
        let (owned, sent) = (dies.alloc(64), dies.alloc(64));
        dies.write(sent, b"sent before");
        dies.send(0, sent).expect("its own");
        assert!(dies.try_raw(|raw, store| raw.call_trap(store)).is_err());
        drop(dies);
        assert_eq!(survivor.take(owned), Err(ErrorCode::Stale));
        let got = survivor.receive(0, 0).expect("what was sent stays sent");
        assert_eq!(survivor.read(got, 11), b"sent before");
        survivor.free(got).expect("its own");
        assert_eq!((survivor.status().blocks, survivor.status().free), (0, LEN));
        drop(survivor);
        assert_eq!(world.domain.usage(), Quotas::NONE);
    });
}

#[test]
fn a_block_stays_until_the_last_reader_of_a_dead_owner_is_done() {
    on_every_backend(|world| {
        let (mut owner, mut reader) = (Guest::attached(world), Guest::attached(world));
        let block = owner.alloc(16);
        owner.write(block, b"read on");
        owner.share(block).expect("its own");
        reader.resolve(block).expect("shared");
        drop(owner);
        assert_eq!(reader.read(block, 7), b"read on");
        assert_eq!(reader.status().blocks, 1);
        reader.release(block).expect("it reads");
        assert_eq!(reader.status().blocks, 0);
        assert_eq!(reader.resolve(block), Err(ErrorCode::Stale));
    });
}

fn with_heir(claim: impl Fn(&World)) {
    for mode in memctl_tests::BACKENDS {
        let options = HeapOptions { orphans: Orphans::Heir("heir".into()), ..HeapOptions::default() };
        claim(&World::with(mode, |builder| builder.heap("heap", Source::anonymous(LEN), options)));
    }
}

#[test]
fn the_heir_owns_what_a_dead_guest_wrote() {
    with_heir(|world| {
        let mut heir = Guest::new(world, PLAIN, |ctx| ctx.name("heir"));
        heir.open("heap");
        heir.attach(Protection::ReadWrite).expect("attaches");
        assert_eq!(heir.inherit().unwrap_err(), ErrorCode::NotFound);
        let mut dies = Guest::attached(world);
        let block = dies.alloc(32);
        dies.write(block, b"last words");
        assert!(dies.try_raw(|raw, store| raw.call_trap(store)).is_err());
        drop(dies);
        let got = heir.inherit().expect("its blocks");
        assert_eq!(got.generation, block.generation);
        assert_eq!(heir.read(got, 10), b"last words");
        assert_eq!(heir.inherit().unwrap_err(), ErrorCode::NotFound);
        assert_eq!(heir.free(got), Ok(()));
    });
}

#[test]
fn a_program_with_the_sdk_inherits_and_writes_on() {
    with_heir(|world| {
        let mut heir = Guest::new(world, PLAIN, |ctx| ctx.name("heir"));
        heir.sdk(|sdk, store| sdk.call_attach(store, "heap")).expect("attaches");
        assert_eq!(heir.sdk(|sdk, store| sdk.call_inherit(store)), Ok(None));
        let mut dies = Guest::attached(world);
        let (plain, shared) = (dies.alloc(4), dies.alloc(4));
        dies.write(plain, &[1; 4]);
        dies.write(shared, &[2; 4]);
        dies.share(shared).expect("its own");
        drop(dies);
        let mut inherited = Vec::new();
        while let Some(bytes) = heir.sdk(|sdk, store| sdk.call_inherit(store)).expect("its heap") {
            inherited.push(bytes);
        }
        inherited.sort();
        assert_eq!(inherited, [[1; 4], [2; 4]]);
        let status = heir.sdk(|sdk, store| sdk.call_status(store)).expect("attached");
        assert_eq!(status.blocks, 0, "they were dropped");
    });
}

#[test]
fn without_its_heir_a_block_is_freed() {
    with_heir(|world| {
        let mut other = Guest::attached(world);
        let mut dies = Guest::attached(world);
        dies.alloc(32);
        drop(dies);
        assert_eq!(other.status().blocks, 0);
    });
}
