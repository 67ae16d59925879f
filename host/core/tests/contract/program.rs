//! Random programs over the whole interface: what is asked, before and after it names things that are there.

use memctl_core::{Access, Code, Domain, HandleId, LeaseId, MappingId, ObjectId};
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;

use crate::common::{GRANULE as G, Kind, MEMORY, MapAt, Ram, World, map_at};

/// An index into whatever there is of a kind at the time.
pub(crate) type Pick = usize;

/// What a random program asks for next.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Map { guest: usize, handle: Pick, ask: MapAt },
    Unmap(Pick),
    DropMapping(Pick),
    Publish(Pick, (u64, u64)),
    Refresh(Pick, (u64, u64)),
    Sync(Pick, (u64, u64)),
    Acquire(Pick, (u64, u64), Access),
    Release(Pick),
    Resize { guest: usize, handle: Pick, size: u64 },
    Anonymous { guest: usize, size: u64 },
    Open { guest: usize, file: bool },
    DropHandle { guest: usize, handle: Pick },
    End(usize),
    RenewMemory(usize),
    Turn(usize),
    Load { guest: usize, address: u64, len: u64 },
    Store { guest: usize, address: u64, len: u64, value: u8 },
    Stored(Pick),
    Overwrite { object: Pick, offset: u64, len: u64, value: u8 },
    WriteFile { offset: u64, len: u64, value: u8 },
}

/// An [`Op`] that names things, of the guest that the first number says.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Map(usize, HandleId, MapAt),
    Unmap(usize, MappingId),
    DropMapping(usize, MappingId),
    Publish(usize, MappingId, (u64, u64)),
    Refresh(usize, MappingId, (u64, u64)),
    Sync(usize, MappingId, (u64, u64)),
    Acquire(usize, MappingId, (u64, u64), Access),
    Release(usize, LeaseId),
    Resize(usize, HandleId, u64),
    Anonymous(usize, u64),
    Open(usize, &'static str),
    DropHandle(usize, HandleId),
    End(usize),
    RenewMemory(usize),
    Turn(usize),
    Load(usize, Vec<u64>),
    Store(usize, Vec<u64>, u8),
    Stored(ObjectId),
    Overwrite(ObjectId, u64, Vec<u8>),
    WriteFile(ObjectId, u64, Vec<u8>),
}

/// What a step that succeeded gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gave {
    Nothing,
    Handle(HandleId, ObjectId),
    Mapping(MappingId),
    Lease(LeaseId),
    Bytes(Vec<u8>),
}

fn guest() -> impl Strategy<Value = usize> {
    0..3_usize
}

/// Mostly a part of some window, by its distance from the window's start.
fn part() -> impl Strategy<Value = (u64, u64)> {
    prop_oneof![4 => Just((0, u64::MAX)), 4 => (0..2 * G, 1..2 * G), 1 => (any::<u64>(), any::<u64>())]
}

fn ask() -> impl Strategy<Value = MapAt> {
    let kinds = prop_oneof![
        4 => Just(Kind::Automatic),
        3 => Just(Kind::Leased),
        1 => Just(Kind::Aliasing),
        2 => Just(Kind::Private),
    ];
    (0..8_u64, 1..4_u64, 0..3_u64, kinds, 0..40_u64).prop_map(|(start, len, offset, kind, skew)| {
        // Now and then one of the numbers is off the granule.
        let skews = [u64::from(skew == 0), u64::from(skew == 1), u64::from(skew == 2)];
        map_at(start * G + skews[0], len * G + skews[1], kind).offset(offset * G + skews[2])
    })
}

/// One thing that a program may do.
pub(crate) fn op() -> impl Strategy<Value = Op> {
    let pick = || any::<usize>();
    let access = prop_oneof![Just(Access::Read), Just(Access::Write)];
    let bytes = || (0..MEMORY, 1..48_u64);
    // Often a length that an object has already.
    let size = prop_oneof![0..4 * G, Just(2 * G + 7), Just(3 * G)];
    prop_oneof![
        14 => (guest(), pick(), ask()).prop_map(|(guest, handle, ask)| Op::Map { guest, handle, ask }),
        3 => pick().prop_map(Op::Unmap),
        1 => pick().prop_map(Op::DropMapping),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Publish(which, part)),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Refresh(which, part)),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Sync(which, part)),
        8 => (pick(), part(), access).prop_map(|(which, part, access)| Op::Acquire(which, part, access)),
        5 => pick().prop_map(Op::Release),
        3 => (guest(), pick(), size).prop_map(|(guest, handle, size)| Op::Resize { guest, handle, size }),
        1 => (guest(), 0..3 * G).prop_map(|(guest, size)| Op::Anonymous { guest, size }),
        2 => (guest(), any::<bool>()).prop_map(|(guest, file)| Op::Open { guest, file }),
        1 => (guest(), pick()).prop_map(|(guest, handle)| Op::DropHandle { guest, handle }),
        1 => prop_oneof![guest().prop_map(Op::End), guest().prop_map(Op::RenewMemory)],
        3 => guest().prop_map(Op::Turn),
        12 => (guest(), bytes()).prop_map(|(guest, (address, len))| Op::Load { guest, address, len }),
        16 => (guest(), bytes(), any::<u8>())
            .prop_map(|(guest, (address, len), value)| Op::Store { guest, address, len, value }),
        2 => pick().prop_map(Op::Stored),
        2 => (pick(), 0..3 * G, 1..40_u64, any::<u8>())
            .prop_map(|(object, offset, len, value)| Op::Overwrite { object, offset, len, value }),
        1 => (0..3 * G, 1..40_u64, any::<u8>()).prop_map(|(offset, len, value)| Op::WriteFile { offset, len, value }),
    ]
}

/// Does a step in a world.
pub(crate) fn perform(world: &mut World, step: &Step) -> Result<Gave, Code> {
    let nothing = |()| Gave::Nothing;
    let answer = match *step {
        Step::Map(guest, handle, ask) => world.map(guest, handle, ask).map(Gave::Mapping),
        Step::Unmap(guest, id) => world.unmap(guest, id).map(nothing),
        Step::DropMapping(guest, id) => {
            world.call(guest, |domain, ram, me| domain.drop_mapping_of(ram, me, id)).map(nothing)
        }
        Step::Publish(guest, id, part) => {
            world.call(guest, |domain, ram, me| domain.publish(ram, me, id, part)).map(nothing)
        }
        Step::Refresh(guest, id, part) => {
            world.call(guest, |domain, ram, me| domain.refresh(ram, me, id, part)).map(nothing)
        }
        Step::Sync(guest, id, part) => world.call(guest, |domain, ram, me| domain.sync(ram, me, id, part)).map(nothing),
        Step::Acquire(guest, id, part, access) => world.acquire(guest, id, part, access).map(Gave::Lease),
        Step::Release(guest, id) => world.release(guest, id).map(nothing),
        Step::Resize(guest, id, size) => world.resize(guest, id, size).map(nothing),
        Step::Anonymous(guest, size) => world.anonymous(guest, size).map(|(handle, id)| Gave::Handle(handle, id)),
        Step::Open(guest, name) => {
            let object = world.domain.named(name).expect("published for good");
            world.open(guest, name).map(|handle| Gave::Handle(handle, object))
        }
        Step::DropHandle(guest, id) => {
            let dropped = |domain: &mut Domain, ram: &mut Ram, me| {
                domain.drop_handle_of(ram, me, id);
                Ok(Gave::Nothing)
            };
            world.call(guest, dropped)
        }
        Step::End(guest) => {
            world.end(guest);
            world.begin(guest);
            Ok(Gave::Nothing)
        }
        Step::RenewMemory(guest) => {
            world.renew_memory(guest);
            Ok(Gave::Nothing)
        }
        Step::Turn(guest) => world.turn(guest).map(nothing),
        Step::Load(guest, ref addresses) => world
            .try_running(guest)
            .map(|()| Gave::Bytes(addresses.iter().map(|address| world.load(guest, *address)).collect())),
        Step::Store(guest, ref addresses, value) => world.try_running(guest).map(|()| {
            addresses.iter().for_each(|address| world.store(guest, *address, value));
            Gave::Nothing
        }),
        Step::Stored(object) => world.read(object).map(Gave::Bytes),
        Step::Overwrite(object, offset, ref bytes) => world.overwrite(object, offset, bytes).map(nothing),
        Step::WriteFile(object, offset, ref bytes) => {
            world.host(|domain, ram, _| domain.file_opened_for_writing(ram, (1, 2))).map(|()| {
                world.ram.overwrite(object, offset, bytes);
                Gave::Nothing
            })
        }
    };
    answer.map_err(|error| error.code())
}
