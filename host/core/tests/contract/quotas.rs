//! Rule 10: bounds on everything, for a guest and for all of them together.

use memctl_core::{Access, Code, Error, HandleId, MappingId, Quotas, Rights};

use crate::common::{GRANULE as G, Kind, MODES, Mode, World, map_at};

/// The scope of a quota, and a world where only that one is tight.
fn tight(mode: Mode, scope: &str, limit: Quotas) -> World {
    match scope {
        "guest" => World::with_quotas(mode, limit, Quotas::DOMAIN),
        _ => World::with_quotas(mode, Quotas::GUEST, limit),
    }
}

fn in_every_scope(test: impl Fn(&dyn Fn(Quotas) -> World, &'static str)) {
    for mode in MODES {
        for scope in ["guest", "domain"] {
            test(&|limit| tight(mode, scope, limit), scope);
        }
    }
}

/// A call is refused for that quota of that scope; at the domain's, by another guest than the one that used it up too.
fn refused(world: &mut World, scope: &'static str, what: &str, ask: impl Fn(&mut World, usize) -> Result<(), Error>) {
    let usage = (world.domain.usage(world.guests[0]), world.domain.total_usage(), world.domain.views().count());
    match ask(world, 0) {
        Err(Error::Quota { what: named, scope: of, used, limit, asked }) => {
            assert_eq!((named, of), (what, scope));
            assert!(used <= limit && asked > limit - used);
        }
        other => panic!("expected a quota of {what}, got {other:?}"),
    }
    let after = (world.domain.usage(world.guests[0]), world.domain.total_usage(), world.domain.views().count());
    assert_eq!(usage, after);
    let other = ask(world, 1).map_err(|error| error.code());
    assert_eq!(other, if scope == "domain" { Err(Code::Quota) } else { Ok(()) }, "{what} of the {scope}");
    world.check_books();
}

fn drop_handle(world: &mut World, handle: HandleId) {
    world.host(|domain, ram, guests| domain.drop_handle_of(ram, guests[0], handle));
}

#[test]
fn handles_are_bounded_and_given_back() {
    in_every_scope(|world, scope| {
        let mut world = world(Quotas { objects: 2, ..Quotas::GUEST });
        let published = memctl_core::Medium::Anonymous { owner: None };
        world.publish_name("it", published, G, Rights::all());
        let handles = [0, 0].map(|guest| world.open(guest, "it").expect("room for two"));
        refused(&mut world, scope, "object handles", |world, guest| world.open(guest, "it").map(drop));
        assert_eq!(world.refused(0, |domain, _, me| domain.anonymous(me, G)), Code::Quota);
        assert_eq!(world.refused(0, |domain, _, me| domain.file(me, (3, 4), G, Rights::READ)), Code::Quota);
        drop_handle(&mut world, handles[0]);
        world.open(0, "it").expect("one was given back");
    });
}

#[test]
fn anonymous_bytes_are_bounded_and_given_back() {
    in_every_scope(|world, scope| {
        let mut world = world(Quotas { object_bytes: 100, ..Quotas::GUEST });
        world.anonymous(0, 60).expect("room");
        refused(&mut world, scope, "anonymous object bytes", |world, guest| world.anonymous(guest, 41).map(drop));
    });
    in_every_scope(|world, _| {
        let mut world = world(Quotas { object_bytes: 100, ..Quotas::GUEST });
        let (first, _) = world.anonymous(0, 60).expect("room");
        let (second, _) = world.anonymous(0, 40).expect("exactly what is left");
        assert_eq!(world.refused(0, |domain, ram, me| domain.resize(ram, me, first, 61)), Code::Quota);
        assert_eq!(world.refused(0, |domain, ram, me| domain.resize(ram, me, first, u64::MAX)), Code::Quota);
        world.resize(0, first, 50).expect("shrinking gives back");
        world.resize(0, second, 50).expect("which is enough to grow another");
        drop_handle(&mut world, first);
        world.anonymous(0, 50).expect("a dropped object gives back");
        assert_eq!(world.domain.total_usage().object_bytes, 100);
    });
}

#[test]
fn bytes_that_only_a_mapping_keeps_still_count() {
    let mut world = World::with_quotas(Mode::Copy, Quotas::GUEST, Quotas { object_bytes: 100, ..Quotas::DOMAIN });
    let (handle, _) = world.anonymous(0, 60).expect("room");
    world.map(0, handle, map_at(0, 2 * G, Kind::Leased)).expect("free");
    drop_handle(&mut world, handle);
    assert_eq!(world.refused(1, |domain, _, me| domain.anonymous(me, 41)), Code::Quota);
    world.end(0);
    world.anonymous(1, 100).expect("all of it is back");
}

#[test]
fn mappings_are_bounded_and_given_back() {
    in_every_scope(|world, scope| {
        let mut world = world(Quotas { mappings: 2, ..Quotas::GUEST });
        let (_, handles) = world.shared_object(G);
        let map =
            |world: &mut World, guest: usize, start| world.map(guest, handles[guest], map_at(start, G, Kind::Leased));
        let mappings: [MappingId; 2] = [0, G].map(|start| map(&mut world, 0, start).expect("room for two"));
        refused(&mut world, scope, "mappings", |world, guest| map(world, guest, 2 * G).map(drop));
        world.unmap(0, mappings[1]).expect("no leases");
        map(&mut world, 0, 3 * G).expect("one was given back");
    });
}

#[test]
fn mapped_bytes_are_bounded_and_given_back() {
    in_every_scope(|world, scope| {
        let mut world = world(Quotas { mapped_bytes: 3 * G, ..Quotas::GUEST });
        let (_, handles) = world.shared_object(4 * G);
        let map = |world: &mut World, guest: usize, start, len| {
            world.map(guest, handles[guest], map_at(start, len, Kind::Private))
        };
        let mapping = map(&mut world, 0, 0, 2 * G).expect("room");
        refused(&mut world, scope, "mapped bytes", |world, guest| map(world, guest, 2 * G, 2 * G).map(drop));
        if scope == "domain" {
            map(&mut world, 1, 2 * G, G).expect("exactly what is left");
        }
        world.unmap(0, mapping).expect("no leases");
        map(&mut world, 0, 4 * G, 2 * G).expect("they were given back");
    });
}

#[test]
fn leases_are_bounded_and_given_back() {
    in_every_scope(|world, scope| {
        let mut world = world(Quotas { leases: 2, ..Quotas::GUEST });
        let (_, handles) = world.shared_object(G);
        let mappings = [0, 1].map(|guest| world.map(guest, handles[guest], map_at(0, G, Kind::Leased)).expect("free"));
        let acquire = |world: &mut World, guest: usize| world.acquire(guest, mappings[guest], (0, G), Access::Read);
        let leases = [0, 0].map(|guest| acquire(&mut world, guest).expect("room for two"));
        refused(&mut world, scope, "leases", |world, guest| acquire(world, guest).map(drop));
        world.release(0, leases[0]).expect("live");
        acquire(&mut world, 0).expect("one was given back");
        world.host(|domain, ram, guests| domain.abandon(ram, guests[0], leases[1]));
        acquire(&mut world, 0).expect("abandoned ones are given back too");
    });
}

#[test]
fn a_guest_of_no_quota_at_all_can_do_nothing_and_harm_nobody() {
    let mut world = World::with_quotas(Mode::Alias, Quotas::NONE, Quotas::DOMAIN);
    assert_eq!(world.refused(0, |domain, _, me| domain.anonymous(me, 1)), Code::Quota);
    assert_eq!(world.refused(0, |domain, _, me| domain.anonymous(me, u64::MAX)), Code::Quota);
    assert_eq!(world.domain.total_usage(), Quotas::NONE);
    assert_eq!(world.domain.limits(world.guests[0]), Ok(Quotas::NONE));
}

#[test]
fn what_guests_add_to_a_published_object_counts_against_the_domain() {
    for mode in MODES {
        let mut world = tight(mode, "domain", Quotas { object_bytes: 100, ..Quotas::DOMAIN });
        let (_, handles) = world.shared_object(1000);
        world.resize(0, handles[0], 1100).expect("within the domain's quota");
        assert!(matches!(world.resize(0, handles[0], 1101), Err(Error::Quota { scope: "domain", .. })), "{mode:?}");
        world.resize(1, handles[1], 1050).expect("shrinks");
        assert_eq!(world.domain.total_usage().object_bytes, 50);
        world.resize(1, handles[1], 10).expect("shrinks");
        assert_eq!(world.domain.total_usage().object_bytes, 0);
    }
}
