//! Several threads: guests that share objects run one at a time, which is checked; guests that share nothing run as they like.

use std::ops::{Deref, DerefMut};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use memctl_tests::probe::ErrorCode;
use memctl_tests::{AUTOMATIC, GRANULE, Guest, LEASED, PRIVATE, World, violation};
use memctl_wasmtime::{Error, Mode, Violation};

fn on_every_backend(claim: impl Fn(&World)) {
    memctl_tests::on_every_backend(|world| {
        world.publish("object", GRANULE);
        world.publish("other", GRANULE);
        claim(world);
    });
}

/// Where a guest that comes in says so, and waits until the other end is dropped.
type Stop = (Sender<()>, Receiver<()>);

/// A guest that can be stopped on its way in, when the domain has let it in already.
struct Stoppable {
    guest: Guest,
    stop: Arc<Mutex<Option<Stop>>>,
}

impl Deref for Stoppable {
    type Target = Guest;

    fn deref(&self) -> &Guest {
        &self.guest
    }
}

impl DerefMut for Stoppable {
    fn deref_mut(&mut self) -> &mut Guest {
        &mut self.guest
    }
}

fn guest(world: &World) -> Stoppable {
    let stop = Arc::new(Mutex::new(None::<Stop>));
    let seen = stop.clone();
    let guest = world.guest_with(wasmtime_wasi::FsPerms::ReadWrite, |store| {
        let crossing = store.data().memctl.crossing(store.engine());
        store.call_hook(move |_, hook| {
            crossing(hook)?;
            if hook.exiting_host()
                && let Some((entered, until)) = seen.lock().expect("not poisoned").take()
            {
                entered.send(()).expect("somebody waits");
                // Nothing is ever sent: it ends when the test lets go, or fails.
                _ = until.recv();
            }
            Ok(())
        });
    });
    Stoppable { guest, stop }
}

/// Runs `meanwhile` while another thread is inside `guest`, in the middle of a call that stores to `address`.
fn while_inside<R>(guest: &mut Stoppable, address: u64, meanwhile: impl FnOnce() -> R) -> R {
    let (entered, is_inside) = channel();
    let (go_on, until) = channel();
    *guest.stop.lock().expect("not poisoned") = Some((entered, until));
    thread::scope(move |scope| {
        let inside = scope.spawn(move || guest.write(address, b"inside"));
        is_inside.recv().expect("the guest got in");
        let done = meanwhile();
        drop(go_on);
        inside.join().expect("the guest goes on as if nothing had happened");
        done
    })
}

#[test]
fn a_guest_that_shares_does_not_enter_while_another_is_inside() {
    on_every_backend(|world| {
        for ask in [AUTOMATIC, LEASED] {
            let (mut a, mut b) = (guest(world), guest(world));
            let in_a = a.mapped_by_name("object", GRANULE, ask);
            let in_b = b.mapped_by_name("object", GRANULE, ask);
            let trap = while_inside(&mut a, in_a.start, || {
                b.try_call(|probe, store| probe.call_cross(store, 1)).expect_err("kept out")
            });
            assert_eq!(violation(&trap), Some(Violation::Parallel));
            assert!(format!("{trap:?}").contains("one at a time"), "{trap:?}");
            assert_eq!(b.read(in_b.start, 1).len(), 1, "it may enter afterwards");
        }
    });
}

#[test]
fn guests_that_share_nothing_run_beside_each_other() {
    on_every_backend(|world| {
        let (mut a, mut b, mut c) = (guest(world), guest(world), guest(world));
        let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
        let in_b = b.mapped_by_name("other", GRANULE, PRIVATE);
        while_inside(&mut a, in_a.start, || {
            while_inside(&mut c, 16, || {
                b.write(in_b.start, b"beside");
                assert_eq!(b.read(in_b.start, 6), b"beside");
                b.unmap(in_b).expect("unmaps");
                let object = b.anonymous(GRANULE).expect("made");
                b.mapped(object, GRANULE, PRIVATE);
            });
        });
    });
}

#[test]
fn the_host_does_not_look_at_what_a_running_guest_shares() {
    on_every_backend(|world| {
        let mut a = guest(world);
        let mapped = a.mapped_by_name("object", GRANULE, AUTOMATIC);
        while_inside(&mut a, mapped.start, || {
            let busy = |done: Result<(), Error>| assert!(matches!(done, Err(Error::Busy { .. })), "{done:?}");
            busy(world.domain.read_object("object", 0, &mut [0]));
            busy(world.domain.write_object("object", 0, b"x"));
            world.domain.read_object("other", 0, &mut [0]).expect("nobody shares it");
            world.domain.write_object("other", 0, b"x").expect("nobody shares it");
        });
        assert_eq!(world.object("object")[..6], *b"inside");
    });
}

#[test]
fn another_guest_is_told_busy_about_what_a_running_guest_shares() {
    on_every_backend(|world| {
        let (mut a, mut b) = (guest(world), guest(world));
        let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
        let object = b.open("object");
        while_inside(&mut a, in_a.start, || {
            let start = b.alloc(4096);
            for ask in [AUTOMATIC, LEASED, PRIVATE] {
                let refused = b.try_map(start, GRANULE, object, ask).err();
                assert_eq!(refused, Some(ErrorCode::Busy));
            }
            assert_eq!(b.resize(object, 2 * GRANULE), Err(ErrorCode::Busy));
        });
        let snapshot = b.mapped(object, GRANULE, PRIVATE);
        assert_eq!(b.read(snapshot.start, 6), b"inside");
    });
}

#[test]
fn a_guest_ends_while_another_is_inside() {
    on_every_backend(|world| {
        let (mut a, mut b) = (guest(world), guest(world));
        let in_a = a.mapped_by_name("object", GRANULE, AUTOMATIC);
        b.mapped_by_name("object", GRANULE, AUTOMATIC);
        while_inside(&mut a, in_a.start, || drop(b));
        assert_eq!(a.read(in_a.start, 6), b"inside");
        assert_eq!(world.object("object")[..6], *b"inside");
    });
}

#[test]
fn a_running_guests_snapshot_stays_one_when_a_writer_comes() {
    on_every_backend(|world| {
        world.domain.write_object("object", 0, b"original").expect("written");
        let (mut a, mut b) = (guest(world), guest(world));
        let snapshot = a.mapped_by_name("object", GRANULE, PRIVATE);
        let object = b.open("object");
        // Pages of a running guest are not to be replaced: stores in between would be lost.
        while_inside(&mut a, snapshot.start + 100, || {
            let start = b.alloc(4096);
            match world.mode {
                Mode::Alias => {
                    let written = world.domain.write_object("object", 0, b"too soon");
                    assert!(matches!(written, Err(Error::Busy { .. })), "{written:?}");
                    let mapped = b.try_map(start, GRANULE, object, LEASED).err();
                    assert_eq!(mapped, Some(ErrorCode::Busy));
                }
                Mode::Auto | Mode::Copy => world.domain.write_object("object", 0, b"meanwhile").expect("written"),
            }
        });
        world.domain.write_object("object", 0, b"changed!").expect("written");
        assert_eq!(a.read(snapshot.start, 8), b"original");
        assert_eq!(a.read(snapshot.start + 100, 6), b"inside");
        b.mapped(object, GRANULE, LEASED);
    });
}

#[test]
fn guests_take_turns_from_several_threads() {
    on_every_backend(|world| {
        let mut guests = [guest(world), guest(world)];
        let windows = guests.each_mut().map(|guest| guest.mapped_by_name("object", GRANULE, AUTOMATIC));
        let turn = Mutex::new(0_u8);
        thread::scope(|scope| {
            for (guest, mapped) in guests.iter_mut().zip(windows) {
                let turn = &turn;
                scope.spawn(move || {
                    for _ in 0..50 {
                        let mut count = turn.lock().expect("not poisoned");
                        assert_eq!(guest.read(mapped.start, 1), [*count]);
                        *count += 1;
                        guest.write(mapped.start, &[*count]);
                    }
                });
            }
        });
        assert_eq!(world.object("object")[0], 100);
    });
}
