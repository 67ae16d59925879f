//! Presence: a guest with snapshots comes and goes while their pages are replaced.

use loom::sync::{Arc, Mutex};
use loom::thread;

use super::memory::Memory;
use crate::explore::Model;
use crate::presence::Presence;

pub(super) const MODELS: &[Model] = &[
    ("presence: no page is replaced under a guest", no_page_is_replaced_under_a_guest),
    ("presence: two writers replace one after another", two_writers_replace_one_after_another),
];

#[derive(Clone)]
struct Snapshots {
    presence: Arc<Presence>,
    /// The domain's lock.
    lock: Arc<Mutex<()>>,
    pages: Memory,
}

impl Snapshots {
    fn new() -> Self {
        Self { presence: Arc::new(Presence::default()), lock: Arc::new(Mutex::new(())), pages: Memory::new() }
    }

    /// A guest's turn (`Guest::be_present`); that it ends is part of the claim.
    fn turn(&self) {
        while !self.presence.enter() {
            drop(self.lock.lock().unwrap());
        }
        self.pages.write();
        self.presence.leave();
    }

    /// The first writer is let in (`Mover::detach`); refused if the guest is inside.
    fn detach(&self) {
        let _locked = self.lock.lock().unwrap();
        if let Some(_held) = self.presence.hold() {
            self.pages.write();
        }
    }
}

fn no_page_is_replaced_under_a_guest() {
    let snapshots = Snapshots::new();
    let writer = thread::spawn({
        let snapshots = snapshots.clone();
        move || snapshots.detach()
    });
    snapshots.turn();
    snapshots.turn();
    writer.join().unwrap();
    assert!(snapshots.presence.hold().is_some(), "outside");
}

fn two_writers_replace_one_after_another() {
    let snapshots = Snapshots::new();
    let writers = [(); 2].map(|()| {
        let snapshots = snapshots.clone();
        thread::spawn(move || snapshots.detach())
    });
    snapshots.turn();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}
