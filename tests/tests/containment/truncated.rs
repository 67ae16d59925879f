//! A file that somebody cuts off under a mapping costs its guest a trap, and nobody anything else.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

use memctl_tests::{AUTOMATIC, Ask, GRANULE, Guest, LEASED, Mapped, PRIVATE, World, violation};
use memctl_wasmtime::{FaultKind, Mode, Violation};
use wasmtime::{Error, Trap};

/// Granules in the file.
const LEN: u64 = 4 * GRANULE;

/// What is left of it.
const LEFT: u64 = GRANULE + 100;

/// A guest with a mapping of a file that was then cut off in its second granule, and a bystander who shares an object with it.
struct Cut<'w> {
    world: &'w World,
    guest: Guest,
    mapped: Mapped,
    shared: Mapped,
    bystander: Guest,
    seen: Mapped,
}

fn cut(world: &World, ask: Ask) -> Cut<'_> {
    world.publish("object", GRANULE);
    world.file("other", &[9; 4096]);
    let path = world.file("file", &[7; LEN as usize]);
    let (mut guest, mut bystander) = (world.guest(), world.guest());
    let object = guest.open_file("/file", ask.sharing == AUTOMATIC.sharing);
    let mapped = guest.mapped(object, LEN, ask);
    let shared = guest.mapped_by_name("object", GRANULE, AUTOMATIC);
    let seen = bystander.mapped_by_name("object", GRANULE, AUTOMATIC);
    guest.write(shared.start, b"before");
    assert_eq!(bystander.read(seen.start, 6), b"before");
    std::fs::File::options().write(true).open(path).expect("opens").set_len(LEFT).expect("cut");
    Cut { world, guest, mapped, shared, bystander, seen }
}

impl Cut<'_> {
    /// An address that is gone, as the probe takes it.
    fn gone(&self) -> u32 {
        u32::try_from(self.mapped.start + 3 * GRANULE).expect("small")
    }

    /// The file stays cut off, and all others go on: the bystander, and guests that come later.
    #[track_caller]
    fn assert_others_go_on(mut self) {
        self.bystander.write(self.seen.start, b"onward");
        assert_eq!(self.bystander.read(self.seen.start, 6), b"onward");
        drop(self.guest);
        assert_eq!(self.world.object("object")[..6], *b"onward");
        let mut later = self.world.guest();
        let object = later.open_file("/file", true);
        let mapped = later.mapped(object, 2 * GRANULE, AUTOMATIC);
        assert_eq!(later.read(mapped.start + LEFT - 1, 2), [7, 0]);
        let left = std::fs::read(self.world.dir.path().join("file")).expect("read");
        assert_eq!(left, [7; LEFT as usize], "nobody made it longer");
    }
}

/// For windows that show the file's own pages.
fn on_alias(claim: impl Fn(Cut<'_>)) {
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        claim(cut(&World::new(Mode::Alias), ask));
    }
}

#[test]
fn code_of_the_guest_traps_at_the_address() {
    on_alias(|mut cut| {
        let gone = cut.gone();
        assert_eq!(cut.guest.state().memctl.last_fault(), None);
        let trap = cut.guest.try_call(|probe, store| probe.call_load_u8(store, gone + 5)).expect_err("traps");
        assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds), "{trap:?}");
        let fault = cut.guest.state().memctl.last_fault().expect("noted");
        assert_eq!((fault.address, fault.kind), (u64::from(gone) + 5, FaultKind::Vanished));
        cut.assert_others_go_on();
    });
}

#[test]
fn a_store_of_the_guests_traps_too() {
    on_alias(|mut cut| {
        let gone = cut.gone();
        let trap = cut.guest.try_call(|probe, store| probe.call_store_u64(store, gone, 1)).expect_err("traps");
        assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds), "{trap:?}");
        cut.assert_others_go_on();
    });
}

#[test]
fn what_is_left_of_the_file_is_still_there() {
    for ask in [LEASED, PRIVATE] {
        let world = World::new(Mode::Alias);
        let mut cut = cut(&world, ask);
        assert_eq!(cut.guest.read(cut.mapped.start, 3), [7; 3]);
        assert_eq!(cut.guest.read(cut.mapped.start + LEFT - 1, 2), [7, 0]);
        assert_eq!(cut.guest.read(cut.shared.start, 6), b"before");
        cut.assert_others_go_on();
    }
}

/// Host code that acts for the guest touches what is gone: the guest is trapped when it is next entered or left.
#[track_caller]
fn host_code_faults(act: impl Fn(&mut Guest, u32) -> Result<(), Error>) {
    on_alias(|mut cut| {
        let gone = cut.gone();
        let trap = act(&mut cut.guest, gone).expect_err("traps");
        let Some(Violation::Fault(cause)) = violation(&trap) else { panic!("not a fault: {trap:?}") };
        assert_eq!(cause.kind, FaultKind::Vanished);
        assert!((u64::from(gone)..u64::from(gone) + GRANULE).contains(&cause.address), "{cause}");
        assert!(format!("{trap:?}").contains("cut off"), "{trap:?}");
        let again = cut.guest.try_call(|probe, store| probe.call_cross(store, 1));
        assert!(again.is_err(), "it does not run on over scratch pages");
        cut.assert_others_go_on();
    });
}

#[test]
fn memory_copy_out_of_what_is_gone_traps() {
    host_code_faults(|guest, gone| {
        let to = u32::try_from(guest.alloc(4096)).expect("small");
        guest.try_call(|probe, store| probe.call_copy(store, to, gone, 4096))
    });
}

#[test]
fn memory_copy_into_what_is_gone_traps() {
    host_code_faults(|guest, gone| {
        let from = u32::try_from(guest.alloc(4096)).expect("small");
        guest.try_call(|probe, store| probe.call_copy(store, gone, from, 4096))
    });
}

#[test]
fn memory_fill_of_what_is_gone_traps() {
    host_code_faults(|guest, gone| guest.try_call(|probe, store| probe.call_fill(store, gone, 4096, 1)));
}

#[test]
fn a_wasi_write_from_what_is_gone_traps() {
    host_code_faults(|guest, gone| {
        guest.try_call(|probe, store| probe.call_write_from(store, "/other", 0, gone, 4096)).map(drop)
    });
}

#[test]
fn a_wasi_read_into_what_is_gone_traps() {
    on_alias(|mut cut| {
        let gone = cut.gone();
        // The last copy may be the guest's libc's own: then the instruction traps.
        cut.guest.try_call(|probe, store| probe.call_read_into(store, "/other", 0, gone, 4096)).expect_err("traps");
        assert_eq!(cut.guest.state().memctl.last_fault().map(|fault| fault.kind), Some(FaultKind::Vanished));
        cut.assert_others_go_on();
    });
}

#[test]
fn a_writer_is_not_held_up_by_a_snapshot_of_a_file_that_was_cut_off() {
    let world = World::new(Mode::Alias);
    let mut cut = cut(&world, PRIVATE);
    cut.bystander.write_file("/file", 0, &[7; 10]);
    let trap = cut.guest.try_call(|probe, store| probe.call_cross(store, 1)).expect_err("its snapshot is lost");
    assert!(matches!(violation(&trap), Some(Violation::Fault(_))), "{trap:?}");
    cut.assert_others_go_on();
}

#[test]
fn on_copy_nothing_traps() {
    // What was read before the file was cut off stays where it is; a window that is refreshed at crossings shows zeros past the new end.
    for (ask, expected) in [(AUTOMATIC, 0), (LEASED, 7), (PRIVATE, 7)] {
        let world = World::new(Mode::Copy);
        let mut cut = cut(&world, ask);
        let gone = cut.gone();
        assert_eq!(cut.guest.call(|probe, store| probe.call_load_u8(store, gone)), expected);
        cut.guest.call(|probe, store| probe.call_fill(store, gone, 4096, 7));
        assert_eq!(cut.guest.read(cut.mapped.start, 3), [7; 3]);
        assert_eq!(cut.guest.state().memctl.last_fault(), None);
        cut.assert_others_go_on();
    }
}

#[test]
fn on_copy_publishing_does_not_make_the_file_longer() {
    use memctl_tests::probe::Access;

    let world = World::new(Mode::Copy);
    let mut cut = cut(&world, LEASED);
    let lease = cut.guest.acquire(cut.mapped, Access::Write).expect("free");
    cut.guest.write(cut.mapped.start, &[7; LEN as usize]);
    cut.guest.release(lease, cut.mapped).expect("releases");
    assert!(cut.guest.read(cut.mapped.start + LEFT, 100).iter().all(|byte| *byte == 0), "those stores are lost");
    cut.assert_others_go_on();
}

#[test]
fn a_snapshot_that_was_copied_before_the_cut_is_whole() {
    memctl_tests::on_every_backend(|world| {
        let path = world.file("file", &[7; LEN as usize]);
        let mut guest = world.guest();
        let object = guest.open_file("/file", false);
        let mapped = guest.mapped(object, LEN, PRIVATE);
        // A writer in the domain: from now on the snapshot is a copy on either backend.
        world.guest().write_file("/file", 0, b"changed");
        std::fs::File::options().write(true).open(path).expect("opens").set_len(0).expect("cut");
        assert_eq!(guest.read(mapped.start, LEN as u32), [7; LEN as usize]);
    });
}
