//! The tail of the last granule past the object's end: reads zero, its writes are lost.

use memctl_tests::probe::Access;
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, Mapped, PRIVATE, World, on_every_backend};
use memctl_wasmtime::{BuildError, Domain, Mode, Rights, Source};

/// An object that ends in the middle of its second granule.
const SIZE: u64 = GRANULE + 10;
const WINDOW: u64 = 2 * GRANULE;

/// For a published object and a published file.
fn on_every_medium(claim: impl Fn(&World)) {
    on_every_backend(|world| {
        world.publish("object", SIZE);
        claim(world);
    });
    on_every_backend(|world| {
        let path = world.file("file", &[0; SIZE as usize]);
        let file = std::fs::File::options().read(true).write(true).open(path).expect("opens");
        world.domain.publish("object", Source::file(file), Rights::all()).expect("published");
        claim(world);
    });
}

fn tail(guest: &mut memctl_tests::Guest, mapped: Mapped) -> Vec<u8> {
    guest.read(mapped.start + SIZE, u32::try_from(WINDOW - SIZE).expect("small"))
}

#[test]
fn the_tail_reads_zero_whatever_was_in_the_window() {
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        on_every_medium(|world| {
            let mut guest = world.guest();
            let object = guest.open("object");
            let start = guest.alloc(8192);
            guest.write(start, &[0xff; WINDOW as usize]);
            let mapped = guest.try_map(start, WINDOW, object, ask).expect("maps");
            assert!(tail(&mut guest, mapped).iter().all(|byte| *byte == 0));
        });
    }
}

/// What is stored in the tail is gone after `point`, and does not come out when the object grows.
#[track_caller]
fn lost_at(ask: Ask, point: impl Fn(&World, &mut memctl_tests::Guest, Mapped)) {
    on_every_medium(|world| {
        let mut guest = world.guest();
        let object = guest.open("object");
        let mapped = guest.mapped(object, WINDOW, ask);
        let lease = (ask.coherence == LEASED.coherence).then(|| guest.acquire(mapped, Access::Write).expect("leased"));
        guest.write(mapped.start, &[0xff; WINDOW as usize]);
        if let Some(lease) = lease {
            guest.release(lease, mapped).expect("releases");
        }
        point(world, &mut guest, mapped);
        assert!(tail(&mut guest, mapped).iter().all(|byte| *byte == 0), "the tail's stores are lost");
        assert_eq!(world.object("object"), [0xff; SIZE as usize], "the others are not");
        guest.resize(object, WINDOW).expect("grows");
        let grown = world.object("object");
        assert_eq!(grown[..SIZE as usize], [0xff; SIZE as usize]);
        assert!(grown[SIZE as usize..].iter().all(|byte| *byte == 0), "new bytes are zero");
        guest.refresh(mapped).expect("refreshes");
        assert_eq!(guest.read(mapped.start, WINDOW as u32), grown);
    });
}

#[test]
fn stores_to_the_tail_are_lost_when_another_guest_runs() {
    lost_at(AUTOMATIC, |world, _, _| {
        let mut other = world.guest();
        let seen = other.mapped_by_name("object", WINDOW, AUTOMATIC);
        assert!(tail(&mut other, seen).iter().all(|byte| *byte == 0));
        assert_eq!(other.read(seen.start, SIZE as u32), [0xff; SIZE as usize]);
    });
}

#[test]
fn stores_to_the_tail_are_lost_at_publish() {
    lost_at(AUTOMATIC, |_, guest, mapped| guest.publish(mapped).expect("publishes"));
}

#[test]
fn stores_to_the_tail_are_lost_at_sync() {
    lost_at(AUTOMATIC, |_, guest, mapped| guest.sync(mapped).expect("syncs"));
}

#[test]
fn stores_to_the_tail_are_lost_at_release() {
    lost_at(LEASED, |_, _, _| ());
}

#[test]
fn what_was_in_the_tail_does_not_come_out_when_the_object_grows() {
    for ask in [AUTOMATIC, LEASED] {
        on_every_medium(|world| {
            let mut guest = world.guest();
            let object = guest.open("object");
            let mapped = guest.mapped(object, WINDOW, ask);
            guest.write(mapped.start + SIZE, &[0xff; 100]);
            guest.resize(object, WINDOW).expect("grows");
            assert!(world.object("object").iter().all(|byte| *byte == 0));
            guest.refresh(mapped).expect("refreshes");
            assert!(tail(&mut guest, mapped).iter().all(|byte| *byte == 0));
        });
    }
}

#[test]
fn an_object_grows_and_shrinks_outside_of_its_mappings() {
    on_every_medium(|world| {
        let mut guest = world.guest();
        let object = guest.open("object");
        let mapped = guest.mapped(object, GRANULE, AUTOMATIC);
        guest.write(mapped.start, b"stays");
        guest.resize(object, 10 * GRANULE).expect("grows");
        let far = guest.mapped(object, GRANULE, AUTOMATIC.at(9 * GRANULE));
        guest.write(far.start, b"far");
        assert_eq!(world.object("object")[9 * GRANULE as usize..][..3], *b"far");
        guest.unmap(far).expect("unmaps");
        guest.resize(object, GRANULE).expect("shrinks");
        guest.resize(object, 10 * GRANULE).expect("grows");
        let object = world.object("object");
        assert_eq!(object[..5], *b"stays");
        assert!(object[5..].iter().all(|byte| *byte == 0), "what was cut off does not come back");
    });
}

#[test]
fn granules_of_any_power_of_two_work_where_windows_are_copied() {
    for granule in [32, 512, 4 * GRANULE] {
        let world = World::with(Mode::Copy, |builder| builder.granule(granule));
        world.publish("object", 100);
        let mut guest = world.guest();
        assert_eq!(guest.call(|probe, store| probe.call_granule(store)), granule);
        let object = guest.open("object");
        let len = 100_u64.next_multiple_of(granule);
        let size = u32::try_from(len).expect("small");
        let start = guest.call(|probe, store| probe.call_alloc(store, size, size.next_power_of_two()));
        let mapped = guest.try_map(start.into(), len, object, AUTOMATIC).expect("maps");
        guest.write(mapped.start, &vec![1; len as usize]);
        assert_eq!(world.object("object"), [1; 100]);
        assert!(guest.read(mapped.start + 100, size - 100).iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_granule_that_cannot_be_shown_whole_is_refused() {
    for (mode, granule) in [(Mode::Alias, 4 * GRANULE), (Mode::Auto, 512), (Mode::Copy, 4097), (Mode::Copy, 0)] {
        let refused = Domain::builder().mode(mode).granule(granule).build();
        assert!(matches!(refused, Err(BuildError::Granule { bytes, .. }) if bytes == granule), "{mode:?} {granule}");
    }
}
