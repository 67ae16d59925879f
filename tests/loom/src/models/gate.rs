//! The gate: guests that come in with and without the domain's lock, and a domain that changes objects meanwhile.

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::memory::Memory;
use crate::explore::Model;
use crate::gate::{Entered, Gate, Ticket};

pub(super) const MODELS: &[Model] = &[
    ("gate: only one guest is inside", only_one_guest_is_inside),
    ("gate: three guests pass the bytes on", three_guests_pass_the_bytes_on),
    ("gate: the domain moves no bytes of a guest that is inside", the_domain_moves_no_bytes_of_a_guest_that_is_inside),
    ("gate: a guest disturbed while inside passes its bytes on", a_guest_disturbed_while_inside_passes_its_bytes_on),
    ("gate: who comes in again missed nothing", who_comes_in_again_missed_nothing),
];

/// What the guests of a domain have in common.
#[derive(Clone)]
struct Domain {
    gate: Arc<Gate>,
    lock: Arc<Mutex<()>>,
    /// The bytes of the objects and windows that the gate keeps apart.
    bytes: Memory,
    /// How often the domain changed an object. Atomic because it is read without the lock; in no order, since the gate has to give it.
    version: Arc<AtomicU64>,
}

impl Domain {
    fn new() -> Self {
        Self {
            gate: Arc::new(Gate::default()),
            lock: Arc::new(Mutex::new(())),
            bytes: Memory::new(),
            version: Arc::new(AtomicU64::new(0)),
        }
    }

    /// As a guest's crossing does it (`guest.rs`): without the lock if nothing happened, else with it.
    fn enter(&self, guest: Ticket) -> Option<Entered> {
        if self.gate.enter_again(guest) {
            return Some(Entered::Again);
        }
        let _locked = self.lock.lock().unwrap();
        let entered = self.gate.enter(guest).ok()?;
        if entered == Entered::Anew {
            // Its windows are refreshed.
            self.bytes.write();
        }
        Some(entered)
    }

    /// A turn, if the guest gets in: it stores in its window.
    fn turn(&self, guest: Ticket) {
        if self.enter(guest).is_some() {
            self.bytes.write();
            self.gate.leave(guest);
        }
    }

    /// A call into the domain that changes an object (`Shared::call`).
    fn change(&self) {
        let _locked = self.lock.lock().unwrap();
        let inside = self.gate.disturb();
        if inside.is_none() {
            self.bytes.write();
        }
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

fn only_one_guest_is_inside() {
    let domain = Domain::new();
    let (a, b) = (Ticket::next(), Ticket::next());
    // `a` was the last one inside, and comes in without the lock.
    domain.turn(a);
    let other = thread::spawn({
        let domain = domain.clone();
        move || domain.turn(b)
    });
    domain.turn(a);
    domain.turn(a);
    other.join().unwrap();
}

fn three_guests_pass_the_bytes_on() {
    let domain = Domain::new();
    let others = [(); 2].map(|()| {
        let domain = domain.clone();
        thread::spawn(move || domain.turn(Ticket::next()))
    });
    domain.turn(Ticket::next());
    others.into_iter().for_each(|other| other.join().unwrap());
    domain.turn(Ticket::next());
}

fn the_domain_moves_no_bytes_of_a_guest_that_is_inside() {
    let domain = Domain::new();
    let a = Ticket::next();
    domain.turn(a);
    let caller = thread::spawn({
        let domain = domain.clone();
        move || domain.change()
    });
    domain.turn(a);
    domain.turn(a);
    caller.join().unwrap();
}

fn a_guest_disturbed_while_inside_passes_its_bytes_on() {
    let domain = Domain::new();
    let caller = thread::spawn({
        let domain = domain.clone();
        move || domain.change()
    });
    let other = thread::spawn({
        let domain = domain.clone();
        move || domain.turn(Ticket::next())
    });
    domain.turn(Ticket::next());
    caller.join().unwrap();
    other.join().unwrap();
}

fn who_comes_in_again_missed_nothing() {
    let domain = Domain::new();
    let a = Ticket::next();
    domain.turn(a);
    let caller = thread::spawn({
        let domain = domain.clone();
        move || domain.change()
    });
    // Comes in while the domain may be changing an object, and looks then or not.
    let looked = |entered| entered == Some(Entered::Anew);
    let mut seen = 0;
    if looked(domain.enter(a)) {
        seen = domain.version.load(Ordering::Relaxed);
    }
    domain.gate.leave(a);
    caller.join().unwrap();
    let entered = domain.enter(a).expect("nobody else is there");
    assert!(entered == Entered::Anew || seen == domain.version.load(Ordering::Relaxed), "an old object");
    domain.gate.leave(a);
    assert!(domain.gate.enter_again(a), "and nothing happened since");
}
