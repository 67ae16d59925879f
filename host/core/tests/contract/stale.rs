//! Identifiers that name nothing, or nothing of the caller's.

use memctl_core::{Access, Code, HandleId, InstanceId, LeaseId, MappingId, ObjectId};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// Every call on these identifiers by `guest` is answered with `stale` and changes nothing.
fn all_stale(world: &mut World, guest: usize, handle: HandleId, mapping: MappingId, lease: LeaseId) {
    let part = (0, G);
    assert_eq!(world.refused_map(guest, handle, map_at(6 * G, G, Kind::Automatic)), Code::Stale);
    let codes = [
        world.refused(guest, |domain, _, me| domain.rights(me, handle)),
        world.refused(guest, |domain, _, me| domain.object_of(me, handle)),
        world.refused(guest, |domain, ram, me| domain.size(ram, me, handle)),
        world.refused(guest, |domain, ram, me| domain.resize(ram, me, handle, G)),
        world.refused(guest, |domain, _, me| domain.view(me, mapping)),
        world.refused(guest, |domain, ram, me| domain.publish(ram, me, mapping, part)),
        world.refused(guest, |domain, ram, me| domain.refresh(ram, me, mapping, part)),
        world.refused(guest, |domain, ram, me| domain.sync(ram, me, mapping, part)),
        world.refused(guest, |domain, ram, me| domain.acquire(ram, me, mapping, part, Access::Read)),
        world.refused(guest, |domain, ram, me| domain.unmap(ram, me, mapping)),
        world.refused(guest, |domain, ram, me| domain.drop_mapping_of(ram, me, mapping)),
        world.refused(guest, |domain, _, me| domain.leased(me, lease)),
        world.refused(guest, |domain, ram, me| domain.release(ram, me, lease)),
    ];
    assert_eq!(codes, [Code::Stale; 13]);
    let before = postcard::to_allocvec(&world.domain).expect("plain data");
    world.host(|domain, ram, guests| {
        domain.drop_handle_of(ram, guests[guest], handle);
        domain.abandon(ram, guests[guest], lease);
    });
    assert_eq!(postcard::to_allocvec(&world.domain).expect("plain data"), before);
}

fn world_with_one_of_each(mode: Mode) -> (World, HandleId, MappingId, LeaseId) {
    let mut world = World::new(mode);
    let (handle, _) = world.anonymous(0, G).expect("room");
    let mapping = world.map(0, handle, map_at(0, G, Kind::Leased)).expect("free");
    let lease = world.acquire(0, mapping, (0, G), Access::Write).expect("nobody else");
    (world, handle, mapping, lease)
}

#[test]
fn another_guest_s_identifiers_are_stale() {
    for mode in MODES {
        let (mut world, handle, mapping, lease) = world_with_one_of_each(mode);
        all_stale(&mut world, 1, handle, mapping, lease);
        assert_eq!(world.domain.leased(world.guests[0], lease).expect("still live").0, mapping);
    }
}

#[test]
fn identifiers_are_stale_after_they_were_given_up() {
    for mode in MODES {
        let (mut world, handle, mapping, lease) = world_with_one_of_each(mode);
        world.release(0, lease).expect("live");
        world.unmap(0, mapping).expect("live");
        world.host(|domain, ram, guests| domain.drop_handle_of(ram, guests[0], handle));
        all_stale(&mut world, 0, handle, mapping, lease);
        // The slots are let again: to others.
        let (second, _) = world.anonymous(0, G).expect("room");
        let again = world.map(0, second, map_at(0, G, Kind::Leased)).expect("free");
        world.acquire(0, again, (0, G), Access::Write).expect("nobody else");
        all_stale(&mut world, 0, handle, mapping, lease);
    }
}

#[test]
fn an_ended_guest_s_identifiers_are_stale_to_its_successor() {
    for mode in MODES {
        let (mut world, handle, mapping, lease) = world_with_one_of_each(mode);
        world.end(0);
        world.begin(0);
        all_stale(&mut world, 0, handle, mapping, lease);
    }
}

#[test]
fn a_guest_that_ended_can_do_nothing() {
    let mut world = World::new(Mode::Alias);
    let (object, handles) = world.shared_object(G);
    let ended = world.guests[1];
    world.end(1);
    world.host(|domain, ram, _| {
        assert_eq!(domain.open(ended, "shared").map_err(|error| error.code()), Err(Code::Stale));
        assert_eq!(domain.anonymous(ended, G).map_err(|error| error.code()), Err(Code::Stale));
        assert_eq!(domain.check_handle(ended).map_err(|error| error.code()), Err(Code::Stale));
        assert_eq!(domain.rights(ended, handles[1]).map_err(|error| error.code()), Err(Code::Stale));
        assert_eq!(domain.usage(ended).map_err(|error| error.code()), Err(Code::Stale));
        assert_eq!(domain.limits(ended).map_err(|error| error.code()), Err(Code::Stale));
        assert_eq!(domain.enter(ram, ended), Ok(()), "nothing to bring in");
        domain.leave(ram, ended);
        assert!(!domain.has_unwatched(ended) && !domain.shares(ended) && !domain.is_shared_by(object, ended));
    });
    assert_eq!(world.domain.named("shared"), Ok(object));
}

/// Fewer cases under Miri, which is a thousand times slower and lets a program read no files.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    if cfg!(miri) { ProptestConfig { cases: 2, failure_persistence: None, ..usual } } else { usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_number_that_names_nothing_is_stale(bits in any::<u64>(), small in 0_u64..4, high in 1_u64..3) {
        for bits in [bits | 1 << 40, bits | 1 << 20, small | high << 32] {
            let (mut world, ..) = world_with_one_of_each(Mode::Copy);
            let (handle, mapping) = (HandleId::from_bits(bits), MappingId::from_bits(bits));
            all_stale(&mut world, 0, handle, mapping, LeaseId::from_bits(bits));
            let object = ObjectId::from_bits(bits);
            let answers = world.host(|domain, ram, _| {
                let nobody = InstanceId::from_bits(bits);
                domain.end(ram, nobody);
                [domain.about_to_read(ram, object), domain.about_to_write(ram, object), domain.check_handle(nobody)]
            });
            prop_assert_eq!(answers.map(|answer| answer.map_err(|error| error.code())), [Err(Code::Stale); 3]);
        }
    }
}
