//! Waiting for a block: on threads, and suspended on one.

use std::thread;

use memctl_tests::{BACKENDS, State, World};
use memctl_wasmtime::{Mode, attach};
use wasmtime::Store;
use wasmtime::component::Linker;
use wasmtime_wasi::FsPerms;

use crate::guest::{Answer, ErrorCode, Guest, published};

fn until_waiting(world: &World, calls: u32) {
    while world.domain.usage().waiters != calls {
        thread::yield_now();
    }
}

#[test]
fn who_waits_on_a_thread_is_served_in_order() {
    for mode in BACKENDS {
        let world = World::with(mode, |builder| published(builder).parallel());
        let (mut one, mut two, mut from) = (Guest::with_sdk(&world), Guest::with_sdk(&world), Guest::with_sdk(&world));
        let receive = |guest: &mut Guest| guest.sdk(|sdk, store| sdk.call_receive(store, 0, u64::MAX));
        thread::scope(|scope| {
            let first = scope.spawn(|| receive(&mut one));
            until_waiting(&world, 1);
            let second = scope.spawn(|| receive(&mut two));
            until_waiting(&world, 2);
            for value in [11, 22] {
                from.sdk(|sdk, store| sdk.call_send(store, 0, value)).expect("room");
            }
            assert_eq!(first.join().expect("no trap"), Ok(11));
            assert_eq!(second.join().expect("no trap"), Ok(22));
        });
        assert_eq!(world.domain.usage().waiters, 0);
    }
}

/// A guest that is called with `call_async`.
struct Suspended {
    store: Store<State>,
    bindings: AsyncBindings,
}

use asynchronous::Guest as AsyncBindings;

mod asynchronous {
    //! The exports of the guest, to be called with `call_async`.

    wasmtime::component::bindgen!({
        path: ["../wit", "guests/heap/wit"],
        world: "memctl:heap-guest/guest",
        exports: { default: async },
        with: {
            "wasi:memory-control/types": crate::guest::bindings::wasi::memory_control::types,
            "wasi:memory-control/heap": crate::guest::bindings::wasi::memory_control::heap,
        },
    });
}

impl Suspended {
    async fn new(world: &World) -> Self {
        let mut linker = Linker::new(world.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("wasmtime-wasi links");
        memctl_wasmtime::add_to_linker_async(&mut linker).expect("memory control links");
        let mut store = Store::new(world.engine(), world.state(FsPerms::ReadWrite, |context| context));
        attach(&mut store);
        let component = memctl_tests::component(world.engine(), "guest-heap", crate::guest::PLAIN);
        let bindings = AsyncBindings::instantiate_async(&mut store, &component, &linker).await.expect("instantiates");
        let mut guest = Self { store, bindings };
        let sdk = guest.bindings.memctl_heap_guest_sdk();
        sdk.call_attach(&mut guest.store, "heap").await.expect("no trap").expect("attaches");
        guest
    }

    async fn send(&mut self, queue: u32, value: u64) -> Answer<()> {
        self.bindings.memctl_heap_guest_sdk().call_send(&mut self.store, queue, value).await.expect("no trap")
    }

    async fn receive(&mut self, queue: u32, timeout: u64) -> Answer<u64> {
        self.bindings.memctl_heap_guest_sdk().call_receive(&mut self.store, queue, timeout).await.expect("no trap")
    }
}

fn on_one_thread(claim: impl AsyncFn(&World)) {
    for mode in [Mode::Alias, Mode::Copy] {
        let world = World::with(mode, published);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(claim(&world));
    }
}

#[test]
fn three_guests_of_one_thread_hand_blocks_round() {
    on_one_thread(async |world| {
        let (mut one, mut two, mut three) =
            (Suspended::new(world).await, Suspended::new(world).await, Suspended::new(world).await);
        let relay = async |guest: &mut Suspended, from, to| {
            for _ in 0..50 {
                let value = guest.receive(from, u64::MAX).await.expect("one comes");
                guest.send(to, value + 1).await.expect("room");
            }
        };
        let source = async |guest: &mut Suspended| {
            for value in 0..50 {
                guest.send(0, value).await.expect("room");
                assert_eq!(guest.receive(2, u64::MAX).await, Ok(value + 2));
            }
        };
        tokio::join!(source(&mut one), relay(&mut two, 0, 1), relay(&mut three, 1, 2));
    });
}

#[test]
fn a_ring_goes_round_on_one_thread() {
    on_one_thread(async |world| {
        let (mut from, mut to) = (Suspended::new(world).await, Suspended::new(world).await);
        let produce = async {
            from.bindings.memctl_heap_guest_sdk().call_produce(&mut from.store, 200, 2, 64).await.expect("no trap")
        };
        let consume =
            async { to.bindings.memctl_heap_guest_sdk().call_consume(&mut to.store, 200).await.expect("no trap") };
        let (produced, consumed) = tokio::join!(produce, consume);
        assert_eq!(produced, Ok((0..200).sum::<u64>() * 64));
        assert_eq!(produced, consumed);
    });
}

#[test]
fn a_suspended_guest_gives_up_in_time() {
    on_one_thread(async |world| {
        let mut guest = Suspended::new(world).await;
        assert_eq!(guest.receive(0, 1_000_000).await, Err(ErrorCode::TimedOut));
        assert_eq!(world.domain.usage().waiters, 0);
    });
}
