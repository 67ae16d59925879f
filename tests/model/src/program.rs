//! Random programs over the whole interface: what is asked, before it names things that are there.

use memctl_core::{Access, Populate, Protection};
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::strategy::BoxedStrategy;

use crate::{GUESTS, How, Kind, MapAt, Range, Setting, map_at};

/// An index into whatever there is of a kind at the time.
pub type Pick = usize;

/// What a random program asks for next. Addresses count from where programs' memory starts; those of 2³² and up are meant as they are.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of `Act` and `Step`")]
pub enum Op {
    Anonymous { guest: usize, size: u64 },
    Open { guest: usize, object: Pick },
    OpenFile { guest: usize, writable: bool },
    Len { guest: usize, handle: Pick },
    Rights { guest: usize, handle: Pick },
    Resize { guest: usize, handle: Pick, size: u64 },
    DropHandle { guest: usize, handle: Pick },
    Map { guest: usize, handle: Pick, ask: MapAt },
    Publish(Pick, Range),
    Refresh(Pick, Range),
    Sync(Pick, Range),
    Acquire(Pick, Range, Access, Option<u64>),
    Upgrade(Pick, Option<Range>, u64),
    Downgrade(Pick, Option<Range>),
    Unmap(Pick),
    DropMapping(Pick),
    Release(Pick, Option<Range>),
    DropLease(Pick),
    Store { guest: usize, to: Range, value: u8 },
    Fill { guest: usize, to: Range, value: u8 },
    Copy { guest: usize, to: u64, from: Range },
    Grow(usize),
    WriteFile { guest: usize, offset: u64, from: Range },
    ReadFile { guest: usize, offset: u64, to: Range },
    Cross { guest: usize, to: Range, value: u8, meanwhile: Box<Op> },
    Trap { guest: usize, to: Range, value: u8 },
    Rest(usize),
    Read(Pick),
    Write { object: Pick, offset: u64, len: u64, value: u8 },
    End(usize, How),
    RenewMemory(usize),
}

fn guest() -> impl Strategy<Value = usize> {
    0..GUESTS
}

fn pick() -> impl Strategy<Value = Pick> {
    any::<usize>()
}

/// Mostly a part of some window, by its distance from the window's start.
fn part(granule: u64) -> impl Strategy<Value = Range> {
    prop_oneof![
        6 => Just((0, u64::MAX)),
        4 => (0..granule, 1..granule),
        1 => (0..2 * granule, 1..2 * granule),
        1 => (0..2_u64, 0..2_u64).prop_map(move |(start, len)| (start * granule, len * granule)),
        1 => (any::<u64>(), any::<u64>()),
    ]
}

fn ask(granule: u64) -> impl Strategy<Value = MapAt> {
    let kinds = prop_oneof![
        4 => Just(Kind::Automatic),
        3 => Just(Kind::Leased),
        1 => Just(Kind::Aliasing),
        2 => Just(Kind::Private),
    ];
    let start = prop_oneof![30 => 0..8_u64, 1 => 8..18_u64, 1 => Just((1 << 32) / granule)];
    let len = prop_oneof![1 => Just(0_u64), 20 => Just(1), 20 => Just(2), 5 => Just(3)];
    let offset = prop_oneof![3 => Just(0_u64), 2 => Just(1), 1 => Just(2)];
    (start, len, offset, kinds, 0..60_u64, any::<bool>()).prop_map(move |(start, len, offset, kind, odd, populate)| {
        // Now and then one of the numbers is off the granule, or not to be believed.
        let skew = |number: u64| u64::from(odd == number);
        let mut ask =
            map_at(start * granule + skew(0), len * granule + skew(1), kind).offset(offset * granule + skew(2));
        match odd {
            3 => ask.options.protection = Protection::None,
            4 => ask.options.protection = Protection::Read,
            5 => ask.window.0 = u64::MAX,
            6 => ask.window.1 = 0_u64.wrapping_sub(granule),
            7 => ask.options.offset = 0_u64.wrapping_sub(granule),
            _ => {}
        }
        ask.options.populate = if populate { Populate::Now } else { Populate::OnDemand };
        ask
    })
}

/// One thing that a program may do.
pub fn op(setting: &Setting) -> BoxedStrategy<Op> {
    let simple = simple(setting.granule);
    let bytes = bytes(setting.granule);
    let nested = (guest(), bytes.clone(), any::<u8>(), simple.clone())
        .prop_map(|(guest, to, value, meanwhile)| Op::Cross { guest, to, value, meanwhile: Box::new(meanwhile) })
        .boxed();
    let twice = (guest(), bytes, any::<u8>(), nested.clone())
        .prop_map(|(guest, to, value, meanwhile)| Op::Cross { guest, to, value, meanwhile: Box::new(meanwhile) })
        .boxed();
    prop_oneof![20 => simple, 3 => nested, 1 => twice].boxed()
}

fn bytes(granule: u64) -> BoxedStrategy<Range> {
    let start = prop_oneof![9 => 0..9 * granule, 1 => 0..16 * granule];
    (start, prop_oneof![1..9_u64, 1..granule * 3 / 2]).boxed()
}

fn simple(granule: u64) -> BoxedStrategy<Op> {
    let bytes = || bytes(granule);
    let part = || part(granule);
    let access = prop_oneof![Just(Access::Read), Just(Access::Write)];
    // Often a length that an object has already.
    let size =
        prop_oneof![1 => 0..4 * granule, 2 => granule..4 * granule, 2 => Just(2 * granule + 7), 2 => Just(3 * granule)];
    let named = prop_oneof![
        16 => (guest(), pick(), ask(granule)).prop_map(|(guest, handle, ask)| Op::Map { guest, handle, ask }),
        2 => pick().prop_map(Op::Unmap),
        1 => pick().prop_map(Op::DropMapping),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Publish(which, part)),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Refresh(which, part)),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Sync(which, part)),
        8 => (pick(), part(), access.clone())
            .prop_map(|(which, part, access)| Op::Acquire(which, part, access, None)),
        3 => (pick(), part(), access, 0..2_u64)
            .prop_map(|(which, part, access, wait)| Op::Acquire(which, part, access, Some(wait))),
        3 => (pick(), 0..2_u64).prop_map(|(which, wait)| Op::Upgrade(which, None, wait)),
        2 => pick().prop_map(|which| Op::Downgrade(which, None)),
        1 => (pick(), part(), 0..2_u64).prop_map(|(which, part, wait)| match wait {
            0 => Op::Downgrade(which, Some(part)),
            _ => Op::Upgrade(which, Some(part), wait),
        }),
        3 => pick().prop_map(|which| Op::Release(which, None)),
        1 => (pick(), part()).prop_map(|(which, part)| Op::Release(which, Some(part))),
        1 => pick().prop_map(Op::DropLease),
        3 => (guest(), pick(), size).prop_map(|(guest, handle, size)| Op::Resize { guest, handle, size }),
        1 => (guest(), pick()).prop_map(|(guest, handle)| Op::Len { guest, handle }),
        1 => (guest(), pick()).prop_map(|(guest, handle)| Op::Rights { guest, handle }),
        2 => (guest(), 0..3 * granule).prop_map(move |(guest, size)| Op::Anonymous { guest, size: if size.is_multiple_of(16) { 0 } else { size + granule / 2 } }),
        4 => (guest(), pick()).prop_map(|(guest, object)| Op::Open { guest, object }),
        1 => (guest(), any::<bool>()).prop_map(|(guest, writable)| Op::OpenFile { guest, writable }),
        1 => (guest(), pick()).prop_map(|(guest, handle)| Op::DropHandle { guest, handle }),
    ];
    let how = prop_oneof![Just(How::Told), Just(How::Dropped)];
    let acted = prop_oneof![
        32 => (guest(), bytes(), any::<u8>()).prop_map(|(guest, to, value)| Op::Store { guest, to, value }),
        4 => (guest(), bytes(), any::<u8>()).prop_map(|(guest, to, value)| Op::Fill { guest, to, value }),
        4 => (guest(), bytes(), 0..9 * granule).prop_map(|(guest, from, to)| Op::Copy { guest, to, from }),
        1 => guest().prop_map(Op::Grow),
        4 => (guest(), bytes(), 0..3 * granule).prop_map(|(guest, from, offset)| Op::WriteFile { guest, offset, from }),
        4 => (guest(), bytes(), 0..3 * granule).prop_map(|(guest, to, offset)| Op::ReadFile { guest, offset, to }),
        1 => (guest(), bytes(), any::<u8>()).prop_map(|(guest, to, value)| Op::Trap { guest, to, value }),
        16 => guest().prop_map(Op::Rest),
        4 => pick().prop_map(Op::Read),
        6 => (pick(), 0..3 * granule, 1..granule, any::<u8>())
            .prop_map(|(object, offset, len, value)| Op::Write { object, offset, len, value }),
        1 => (guest(), how).prop_map(|(guest, how)| Op::End(guest, how)),
        1 => guest().prop_map(Op::RenewMemory),
    ];
    prop_oneof![11 => named, 9 => acted].boxed()
}
