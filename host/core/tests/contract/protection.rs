//! Protection: every granule has the protection that was asked for last, in the tables, in the pages and in what checks are told.

use memctl_core::{Access, Bounds, Code, Error, Forbidden, MappingId, Memory, Protection, Quotas, Rights};
use proptest::prelude::*;

use crate::common::{GRANULE as G, Kind, MEMORY, Mode, World, map_at, memory_of};

const GRANULES: usize = 8;
/// How many ranges there may be.
const RANGES: u64 = 3;

fn protecting(mode: Mode) -> World {
    let mut world = World::new(mode);
    world.ram.protects = RANGES;
    world
}

fn memory(world: &World, guest: usize) -> Memory {
    Memory { id: memory_of(world.guests[guest]), size: Some(MEMORY) }
}

pub(crate) fn protect(world: &mut World, range: (u64, u64), protection: Protection) -> Result<(), Error> {
    let memory = memory(world, 0);
    world.call(0, |domain, ram, me| domain.protect(ram, me, memory, range, protection))
}

pub(crate) fn discard(world: &mut World, range: (u64, u64)) -> Result<(), Error> {
    let memory = memory(world, 0);
    world.call(0, |domain, ram, me| domain.discard(ram, me, memory, range))
}

fn seal(world: &mut World, bounds: Bounds) -> Result<Bounds, Error> {
    let memory = memory(world, 0);
    world.call(0, |domain, ram, me| domain.seal(ram, me, memory, bounds))
}

/// What a guest may do, granule by granule: the naive picture.
#[derive(Clone, Debug, PartialEq)]
struct Naive {
    granules: [Protection; GRANULES],
    sealed: Option<usize>,
    windows: Vec<(usize, usize, MappingId)>,
}

impl Naive {
    fn protected(&self, granules: std::ops::Range<usize>) -> bool {
        self.granules[granules].iter().any(|protection| *protection != Protection::ReadWrite)
    }

    fn ranges(&self) -> usize {
        let starts = (0..GRANULES).filter(|at| {
            // Inside and outside of a window with protected bytes, ranges count apart.
            let restricted = self.windows.iter().filter(|(start, len, _)| self.protected(*start..start + len));
            let at_window = restricted.clone().any(|(start, len, _)| start == at || start + len == *at);
            let edge =
                at_window || *at == 0 || self.granules[*at - 1] != self.granules[*at] || self.sealed == Some(*at);
            edge && self.granules[*at] != Protection::ReadWrite
        });
        starts.count()
    }

    fn check(&self, world: &World, aliases: bool) {
        let id = memory_of(world.guests[0]);
        let mut told = [Protection::ReadWrite; GRANULES];
        for Forbidden { span, readable } in world.ram.forbidden(id) {
            let granules = usize::try_from(span.start() / G).unwrap()..usize::try_from(span.end() / G).unwrap();
            told[granules].fill(if *readable { Protection::Read } else { Protection::None });
        }
        assert_eq!(told, self.granules, "what checks are told");
        for (at, protection) in (0..).zip(self.granules) {
            let pages = match protection {
                Protection::None => None,
                Protection::Read => Some(Access::Read),
                Protection::ReadWrite => Some(Access::Write),
            };
            assert_eq!(world.ram.permitted(id, at * G), if aliases { pages } else { Some(Access::Write) }, "page {at}");
        }
        let used = world.domain.usage(world.guests[0]).unwrap().protected_ranges;
        assert_eq!(used as usize, self.ranges());
        assert_eq!(world.domain.total_usage().protected_ranges, used);
        for (start, len, mapping) in &self.windows {
            let view = world.domain.view(world.guests[0], *mapping).unwrap();
            assert_eq!(view.restricted, self.protected(*start..start + len));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Protect(usize, usize, Protection),
    Map(usize, usize, Protection, Kind),
    Unmap(usize),
    Discard(usize, usize),
    Seal(usize, usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let protection =
        prop_oneof![1 => Just(Protection::None), 1 => Just(Protection::Read), 2 => Just(Protection::ReadWrite)].boxed();
    let range = (0..GRANULES, 1..5_usize);
    let kind = prop_oneof![Just(Kind::Automatic), Just(Kind::Leased), Just(Kind::Private)];
    let op = prop_oneof![
        6 => (range.clone(), protection.clone()).prop_map(|((start, len), p)| Op::Protect(start, len, p)),
        3 => (range.clone(), protection, kind).prop_map(|((start, len), p, kind)| Op::Map(start, len, p, kind)),
        2 => (0..4_usize).prop_map(Op::Unmap),
        2 => range.prop_map(|(start, len)| Op::Discard(start, len)),
        1 => (0..3_usize, 0..4_usize).prop_map(|(none, read)| Op::Seal(none, read)),
    ];
    prop::collection::vec(op, 1..40)
}

/// Does the op in the naive picture; the code is why it can't be done.
fn naively(naive: &mut Naive, op: Op) -> Result<(), Code> {
    let mut after = naive.clone();
    let inside = |start: usize, len: usize| if start + len > GRANULES { Err(Code::Bounds) } else { Ok(()) };
    let touching = |start: usize, len: usize| {
        let mut windows = naive.windows.iter();
        windows.find(|(at, size, _)| *at < start + len && start < at + size).copied()
    };
    let edge = |start: usize, len: usize| {
        let over = naive.windows.iter().any(|(at, size, _)| {
            let touches = *at < start + len && start < at + size;
            touches && !(*at <= start && start + len <= at + size)
        });
        if over { Err(Code::Overlap) } else { Ok(()) }
    };
    let sealed = |start: usize| if naive.sealed.is_some_and(|end| start < end) { Err(Code::Access) } else { Ok(()) };
    match op {
        Op::Protect(start, len, protection) => {
            inside(start, len)?;
            edge(start, len)?;
            sealed(start)?;
            after.granules[start..start + len].fill(protection);
        }
        Op::Map(start, len, protection, _) => {
            inside(start, len)?;
            if touching(start, len).is_some() || naive.protected(start..start + len) {
                return Err(Code::Overlap);
            }
            after.granules[start..start + len].fill(protection);
            // Which mapping it is shows when it is made.
            after.windows.push((start, len, MappingId::from_bits(u64::MAX)));
        }
        Op::Discard(start, len) => {
            inside(start, len)?;
            edge(start, len)?;
            sealed(start)?;
            if naive.protected(start..start + len) {
                return Err(Code::Access);
            }
        }
        Op::Seal(none, read) => {
            if naive.sealed.is_some() {
                return Err(Code::Access);
            }
            if none > read {
                return Err(Code::Bounds);
            }
            if touching(0, read).is_some() || naive.protected(0..read) {
                return Err(Code::Overlap);
            }
            after.granules[..none].fill(Protection::None);
            after.granules[none..read].fill(Protection::Read);
            after.sealed = Some(read);
        }
        Op::Unmap(_) => {}
    }
    if after.ranges() > naive.ranges() && after.ranges() as u64 > RANGES {
        return Err(Code::Quota);
    }
    *naive = after;
    Ok(())
}

/// Miri is a thousand times slower, and lets a program read no files.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::with_cases(400);
    if cfg!(miri) { ProptestConfig { cases: 2, failure_persistence: None, ..usual } } else { usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn granules_have_the_protection_that_was_asked_for_last(ops in ops(), aliases in any::<bool>()) {
        let mut world = protecting(if aliases { Mode::Alias } else { Mode::Copy });
        let (_, handles) = world.shared_object(20 * G);
        let mut naive = Naive { granules: [Protection::ReadWrite; GRANULES], sealed: None, windows: Vec::new() };
        for (step, op) in (0_u64..).zip(ops) {
            let expected = naively(&mut naive, op);
            let bytes = |granules: usize| granules as u64 * G;
            let answer = match op {
                Op::Protect(start, len, protection) => protect(&mut world, (bytes(start), bytes(len)), protection),
                Op::Discard(start, len) => discard(&mut world, (bytes(start), bytes(len))),
                Op::Seal(none, read) => {
                    // Bounds are rounded down.
                    let bounds = Bounds { no_access: bytes(none) + step % 2, read_only: bytes(read) + step % 2 };
                    seal(&mut world, bounds).map(drop)
                }
                Op::Map(start, len, protection, kind) => {
                    // Automatic windows don't show the same.
                    let mut ask = map_at(bytes(start), bytes(len), kind).offset(bytes(start));
                    ask.options.protection = protection;
                    let mapped = world.map(0, handles[0], ask);
                    if let (Ok(mapping), Some(window)) = (&mapped, naive.windows.last_mut()) {
                        window.2 = *mapping;
                    }
                    mapped.map(drop)
                }
                Op::Unmap(index) if !naive.windows.is_empty() => {
                    let (start, len, mapping) = naive.windows.remove(index % naive.windows.len());
                    naive.granules[start..start + len].fill(Protection::ReadWrite);
                    world.unmap(0, mapping)
                }
                Op::Unmap(_) => Ok(()),
            };
            prop_assert_eq!(answer.map_err(|error| error.code()), expected, "{:?}", op);
            naive.check(&world, aliases);
            if step % 8 == 7 {
                world.reload();
            }
        }
        world.end(0);
        prop_assert_eq!(world.domain.total_usage().protected_ranges, 0);
    }
}

#[test]
fn when_the_backend_fails_nothing_is_less_protected_and_the_tables_are_as_they_were() {
    for aliases in [true, false] {
        for fails_on in [false, true] {
            for fails_at in 0..6 {
                let mut world = protecting(if aliases { Mode::Alias } else { Mode::Copy });
                protect(&mut world, (0, 2 * G), Protection::Read).expect("no faults yet");
                let before = world.domain.usage(world.guests[0]).expect("live");
                (world.ram.calls, world.ram.fails_at, world.ram.fails_on) = (0, Some(fails_at), fails_on);
                let answer = protect(&mut world, (G, 3 * G), Protection::None);
                let done = answer.is_ok();
                world.ram.fails_at = None;
                let id = memory_of(world.guests[0]);
                if !done {
                    assert_eq!(world.domain.usage(world.guests[0]).expect("live"), before);
                }
                if aliases {
                    assert!(world.ram.permitted(id, 0) <= Some(Access::Read));
                    assert!(world.ram.permitted(id, G) <= Some(Access::Read));
                }
                protect(&mut world, (0, 4 * G), Protection::ReadWrite).expect("no faults any more");
                assert_eq!(world.domain.usage(world.guests[0]).expect("live"), Quotas::NONE);
                assert_eq!(world.ram.permitted(id, 0), Some(Access::Write));
            }
        }
    }
}

#[test]
fn a_map_that_cannot_be_protected_leaves_no_mapping() {
    let mut world = protecting(Mode::Copy);
    let (_, handles) = world.shared_object(4 * G);
    let mut ask = map_at(0, G, Kind::Automatic);
    ask.options.protection = Protection::Read;
    for fails_at in 0..2 {
        (world.ram.calls, world.ram.fails_at) = (0, Some(fails_at));
        world.map(0, handles[0], ask).expect_err("the backend fails");
        world.ram.fails_at = None;
        let used = world.domain.usage(world.guests[0]).expect("live");
        assert_eq!(used, Quotas { objects: 1, ..Quotas::NONE });
    }
    world.map(0, handles[0], ask).expect("no faults any more");
}

#[test]
fn stores_reach_no_object_through_a_handle_that_may_not_write() {
    for mode in [Mode::Copy, Mode::Alias] {
        let mut world = protecting(mode);
        let medium = memctl_core::Medium::Anonymous { owner: None };
        let object = world.publish_name("constant", medium, 2 * G, Rights::READ);
        let handle = world.open(0, "constant").expect("published");
        for kind in [Kind::Automatic, Kind::Leased] {
            assert_eq!(world.refused_map(0, handle, map_at(0, G, kind)), Code::Access);
            let mut ask = map_at(0, G, kind);
            ask.options.protection = Protection::Read;
            let mapping = world.map(0, handle, ask).expect("to read");
            if mode == Mode::Copy {
                // Where only checks see to it, the backend's word is not enough.
                world.store(0, 5, 9);
            }
            let part = (0, G);
            world.call(0, |domain, ram, me| domain.publish(ram, me, mapping, part)).expect("nothing to publish");
            world.call(0, |domain, ram, me| domain.sync(ram, me, mapping, part)).expect("nothing to sync");
            let refused = world.acquire(0, mapping, part, Access::Write).expect_err("may not write");
            assert_eq!(refused.code(), Code::Access);
            let refused = protect(&mut world, part, Protection::ReadWrite).expect_err("may not write");
            assert_eq!(refused.code(), Code::Access);
            world.unmap(0, mapping).expect("no lease is held");
            assert_eq!(world.stored(object), vec![0; usize::try_from(2 * G).expect("small")]);
        }
    }
}
