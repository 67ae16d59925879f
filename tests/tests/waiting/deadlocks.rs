//! Waits that would never end: each is answered at once.

use std::sync::{Arc, Mutex};
use std::thread;

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{FOREVER, GRANULE, LEASED};
use wasmtime::CallHook;

use crate::scene::{first, guest, on_every_backend, on_every_backend_with, second, until_waiting};

#[test]
fn two_guests_that_would_wait_for_each_other() {
    on_every_backend(|world| {
        let ((mut a, in_a), (mut b, in_b)) = (guest(world), guest(world));
        a.acquire(first(in_a), Access::Write).expect("nobody else");
        let held = b.acquire(second(in_b), Access::Write).expect("nobody else");
        thread::scope(|scope| {
            let waiting = scope.spawn(move || a.acquire_within(second(in_a), Access::Write, FOREVER));
            until_waiting(world, 1);
            assert_eq!(b.acquire_within(first(in_b), Access::Read, FOREVER), Err(ErrorCode::Deadlock));
            b.release(held, second(in_b)).expect("it still has that");
            waiting.join().expect("no panic").expect("its turn comes");
        });
    });
}

#[test]
fn a_guest_that_would_wait_for_itself() {
    on_every_backend(|world| {
        let (mut a, in_a) = guest(world);
        a.acquire(first(in_a), Access::Read).expect("nobody else");
        assert_eq!(a.acquire_within(in_a, Access::Write, FOREVER), Err(ErrorCode::Deadlock));
    });
}

/// A calls the host, the host calls B on the same thread, and B waits for what A has.
#[test]
fn a_guest_that_would_block_the_thread_of_whom_it_waits_for() {
    on_every_backend_with(
        |builder| builder,
        |world| {
            let (b, in_b) = guest(world);
            let b = Arc::new(Mutex::new(b));
            let answer = Arc::new(Mutex::new(None));
            let (inner, asked) = (b.clone(), answer.clone());
            let mut a = world.guest_with(wasmtime_wasi::FsPerms::ReadWrite, move |store| {
                let crossing = store.data().memctl.crossing(store.engine());
                store.call_hook(move |_, hook| {
                    crossing(hook)?;
                    // A is in the middle of a call to the host, and waits for this to return.
                    if matches!(hook, CallHook::CallingHost)
                        && let Ok(mut b) = inner.try_lock()
                    {
                        asked.lock().expect("not poisoned").replace(b.acquire_within(in_b, Access::Read, FOREVER));
                    }
                    Ok(())
                });
            });
            let held = b.lock().expect("not poisoned");
            let in_a = a.mapped_by_name("object", 2 * GRANULE, LEASED);
            a.acquire(in_a, Access::Write).expect("nobody else");
            drop(held);
            a.call(|probe, store| probe.call_cross(store, 1));
            assert_eq!(answer.lock().expect("not poisoned").take(), Some(Err(ErrorCode::Deadlock)));
        },
    );
}
