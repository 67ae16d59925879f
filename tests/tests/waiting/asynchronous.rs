//! Guests that are called with `call_async`: a wait suspends them, and the thread goes on.

use std::time::Duration;

use memctl_tests::probe::{Access, Coherence, ErrorCode, Sharing};
use memctl_tests::{AsyncGuest, BACKENDS, FOREVER, GRANULE, World};
use memctl_wasmtime::Access as DeviceAccess;

/// A guest with a granule in a leased window.
struct Guest {
    guest: AsyncGuest,
    mapping: u32,
    start: u32,
}

impl Guest {
    async fn new(world: &World) -> Self {
        let mut guest = AsyncGuest::new(world, |_| {}).await;
        let object: Result<u32, ErrorCode> = guest.call("open", ("object".to_owned(),)).await;
        let object = object.expect("published");
        let (mapping, start) = guest.mapped(object, 4096, Sharing::Shared, Coherence::Leased).await;
        Self { guest, mapping, start }
    }

    async fn acquire(&mut self, access: Access, timeout: u64) -> Result<u32, ErrorCode> {
        self.guest.call("acquire-within", (self.mapping, u64::from(self.start), GRANULE, access, timeout)).await
    }

    async fn release(&mut self, lease: u32) -> Result<(), ErrorCode> {
        self.guest.call("release", (lease, u64::from(self.start), GRANULE)).await
    }
}

/// Runs the claim on one thread with a clock, for every backend.
fn on_every_backend(claim: impl AsyncFn(&World)) {
    for mode in BACKENDS {
        eprintln!("on {mode:?}");
        let world = World::new(mode);
        world.publish("object", GRANULE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(claim(&world));
    }
}

/// Lets the other tasks of the thread run until so many calls wait.
async fn until_waiting(world: &World, calls: u32) {
    while world.domain.usage().waiters != calls {
        tokio::task::yield_now().await;
    }
}

#[test]
fn two_guests_of_one_thread_wait_for_each_other_in_turn() {
    on_every_backend(async |world| {
        let (mut a, mut b) = (Guest::new(world).await, Guest::new(world).await);
        let rounds = async |guest: &mut Guest| {
            for _ in 0..50 {
                let lease = guest.acquire(Access::Write, FOREVER).await.expect("its turn comes");
                let bytes: Vec<u8> = guest.guest.call("read-bytes", (guest.start, 1_u32)).await;
                // Somebody else may run here, but not with a lease.
                tokio::task::yield_now().await;
                guest.guest.results::<_, ()>("store-u8", (guest.start, bytes[0] + 1)).await;
                guest.release(lease).await.expect("live");
            }
        };
        tokio::join!(rounds(&mut a), rounds(&mut b));
        assert_eq!(world.object("object")[0], 100);
    });
}

#[test]
fn a_suspended_guest_gets_the_lease_of_one_that_dies() {
    on_every_backend(async |world| {
        let (mut a, mut b) = (Guest::new(world).await, Guest::new(world).await);
        a.acquire(Access::Write, FOREVER).await.expect("nobody else");
        let killed = async {
            until_waiting(world, 1).await;
            drop(a);
        };
        let (answer, ()) = tokio::join!(b.acquire(Access::Read, FOREVER), killed);
        answer.expect("its turn comes");
    });
}

#[test]
fn a_suspended_guest_s_time_can_be_up() {
    on_every_backend(async |world| {
        let (mut a, mut b) = (Guest::new(world).await, Guest::new(world).await);
        let lease = a.acquire(Access::Read, FOREVER).await.expect("nobody else");
        assert_eq!(b.acquire(Access::Write, 1_000_000).await, Err(ErrorCode::TimedOut));
        assert_eq!(world.domain.usage().waiters, 0);
        a.release(lease).await.expect("live");
    });
}

#[test]
fn a_call_that_is_dropped_gives_its_place_up() {
    on_every_backend(async |world| {
        let (mut a, mut b, mut c) = (Guest::new(world).await, Guest::new(world).await, Guest::new(world).await);
        a.acquire(Access::Read, FOREVER).await.expect("nobody else");
        tokio::select! {
            biased;
            answer = b.acquire(Access::Write, FOREVER) => panic!("{answer:?} while another reads"),
            () = until_waiting(world, 1) => {}
        }
        assert_eq!(world.domain.usage().waiters, 0, "nobody waits for what was dropped");
        c.acquire(Access::Read, 0).await.expect("no writer waits any more");
    });
}

#[test]
fn a_device_waits_without_a_thread() {
    on_every_backend(async |world| {
        let mut a = Guest::new(world).await;
        let lease = a.acquire(Access::Write, FOREVER).await.expect("nobody else");
        let device = world.domain.device();
        let released = async {
            until_waiting(world, 1).await;
            a.release(lease).await
        };
        let waiting = device.lease_within("object", 0..1, DeviceAccess::Write, Duration::MAX);
        let (waited, released) = tokio::join!(waiting, released);
        released.expect("live");
        let mut held = waited.expect("its turn comes");
        held.write(0, &[9]).expect("under the lease");
        assert_eq!(a.acquire(Access::Read, 0).await, Err(ErrorCode::TimedOut));
        drop(held);
        assert_eq!(world.object("object")[0], 9);
    });
}
