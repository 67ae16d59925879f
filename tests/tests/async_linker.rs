//! Embedders that call guests with `call_async`.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

use memctl_tests::probe::{Coherence, ErrorCode, Sharing};
use memctl_tests::{AsyncGuest, BACKENDS, GRANULE, State, World};
use memctl_wasmtime::Mode;
use wasmtime::Store;

const LEN: usize = 2 * GRANULE as usize;

/// Shows the first `LEN` bytes, or fewer, of an object in a new automatic window; gives where it starts.
async fn map(guest: &mut AsyncGuest, object: u32, len: usize, sharing: Sharing) -> u32 {
    guest.mapped(object, u32::try_from(len).expect("small"), sharing, Coherence::Automatic).await.1
}

/// Runs the claim on this thread, for every backend.
fn on_every_backend(claim: impl AsyncFn(&World)) {
    for mode in BACKENDS {
        eprintln!("on {mode:?}");
        let world = World::with_config(
            mode,
            |builder| builder,
            |domain, config| {
                domain.configure(config).expect("configured");
                config.epoch_interruption(true);
            },
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(claim(&world));
    }
}

/// It is never interrupted.
fn calm(store: &mut Store<State>) {
    store.set_epoch_deadline(1 << 40);
}

#[test]
fn files_are_mapped_by_either_way() {
    on_every_backend(async |world| {
        let path = world.file("file", &[1; LEN]);
        let mut guest = AsyncGuest::new(world, calm).await;
        for way in ["from-path", "from-descriptor"] {
            let object: Result<u32, String> = guest.call(way, ("/file".to_owned(), true)).await;
            let object = object.expect("opens");
            let size: Result<u64, ErrorCode> = guest.call("object-len", (object,)).await;
            assert_eq!(size, Ok(LEN as u64));
        }
        let start = map(&mut guest, 0, LEN, Sharing::Shared).await;
        guest.results::<_, ()>("store-u8", (start, 42_u8)).await;
        assert_eq!(std::fs::read(path).expect("read")[0], 42);
    });
}

#[test]
fn a_snapshot_does_not_see_its_file_opened_with_truncation() {
    on_every_backend(async |world| {
        let path = world.file("file", &[7; LEN]);
        let mut guest = AsyncGuest::new(world, calm).await;
        let object: Result<u32, String> = guest.call("from-path", ("/file".to_owned(), false)).await;
        let start = map(&mut guest, object.expect("opens"), LEN, Sharing::Private).await;
        assert_eq!(world.domain.stats().bytes_copied == 0, world.mode == Mode::Alias);
        let truncated: Result<(), String> = guest.call("truncate-file", ("/file".to_owned(),)).await;
        truncated.expect("truncated");
        assert_eq!(std::fs::metadata(path).expect("there").len(), 0);
        let seen: Vec<u8> = guest.call("read-bytes", (start, LEN as u32)).await;
        assert_eq!(seen, [7; LEN]);
    });
}

#[test]
fn guests_that_share_take_turns_at_every_yield() {
    on_every_backend(async |world| {
        const ROUNDS: u8 = 200;
        world.publish("object", GRANULE);
        let at_every_turn = |store: &mut Store<State>| {
            store.set_epoch_deadline(0);
            store.epoch_deadline_async_yield_and_update(0);
        };
        let mut writer = AsyncGuest::new(world, at_every_turn).await;
        let mut reader = AsyncGuest::new(world, at_every_turn).await;
        let mut windows = [0; 2];
        for (guest, window) in [&mut writer, &mut reader].into_iter().zip(&mut windows) {
            let object: Result<u32, ErrorCode> = guest.call("open", ("object".to_owned(),)).await;
            *window = map(guest, object.expect("published"), GRANULE as usize, Sharing::Shared).await;
        }
        let writes = writer.results::<_, ()>("spin", (windows[0], u64::from(ROUNDS)));
        let reads = async {
            let mut seen = vec![0];
            while seen.last() != Some(&(ROUNDS - 1)) {
                seen.push(reader.call("load-u8", (windows[1],)).await);
            }
            seen
        };
        let ((), seen) = tokio::join!(writes, reads);
        assert!(seen.is_sorted(), "nothing is taken back: {seen:?}");
        assert!(seen.iter().any(|value| (1..ROUNDS - 1).contains(value)), "they ran in turns: {seen:?}");
    });
}

#[test]
fn guests_that_wait_let_others_in() {
    on_every_backend(async |world| {
        world.publish("object", GRANULE);
        world.file("file", &[1; LEN]);
        let mut guests = [AsyncGuest::new(world, calm).await, AsyncGuest::new(world, calm).await];
        let mut windows = [0; 2];
        for (guest, window) in guests.iter_mut().zip(&mut windows) {
            let object: Result<u32, ErrorCode> = guest.call("open", ("object".to_owned(),)).await;
            *window = map(guest, object.expect("published"), GRANULE as usize, Sharing::Shared).await;
        }
        let [a, b] = &mut guests;
        // Each waits for the file system in the middle of its calls.
        let work = async |guest: &mut AsyncGuest, start: u32, slot: u32| {
            for round in 0..20_u8 {
                let written: Result<(), String> =
                    guest.call("write-file", ("/file".to_owned(), u64::from(slot), vec![round])).await;
                written.expect("written");
                guest.results::<_, ()>("store-u8", (start + slot, round)).await;
            }
        };
        tokio::join!(work(a, windows[0], 10), work(b, windows[1], 20));
        let object = world.object("object");
        assert_eq!([object[10], object[20]], [19, 19]);
    });
}

#[test]
fn a_call_that_is_given_up_halfway_stops_nobody_else() {
    on_every_backend(async |world| {
        world.publish("object", GRANULE);
        let at_every_turn = |store: &mut Store<State>| {
            store.set_epoch_deadline(0);
            store.epoch_deadline_async_yield_and_update(0);
        };
        let mut writer = AsyncGuest::new(world, at_every_turn).await;
        let mut reader = AsyncGuest::new(world, calm).await;
        let mut windows = [0; 2];
        for (guest, window) in [&mut writer, &mut reader].into_iter().zip(&mut windows) {
            let object: Result<u32, ErrorCode> = guest.call("open", ("object".to_owned(),)).await;
            *window = map(guest, object.expect("published"), GRANULE as usize, Sharing::Shared).await;
        }
        let reads = async {
            while reader.call::<_, u8>("load-u8", (windows[1],)).await == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = writer.results::<_, ()>("spin", (windows[0], u64::MAX)) => unreachable!("it has far to go"),
            () = reads => (),
        }
        drop(writer);
        reader.results::<_, ()>("store-u8", (windows[1], 0xff_u8)).await;
        assert_eq!(world.object("object")[0], 0xff);
        assert_eq!(world.domain.usage().mappings, 1);
    });
}
