//! Random programs over the whole interface: what is asked, before it names things that are there.

use memctl_core::{Access, Populate};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::strategy::BoxedStrategy;

use crate::{GUESTS, How, Kind, MapAt, Range, Setting, map_at};

/// An index into whatever there is of a kind at the time.
pub type Pick = usize;

/// What part of a window is meant.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// All of it; of a lease, what it is for.
    Whole,
    /// Some bytes of it, from so far into it on.
    Inside(u64, u64),
    /// From so far into it on, and maybe past its end.
    Off(u64, u64),
    /// These numbers.
    Wild(u64, u64),
}

/// What a random program asks for next. Addresses count from where programs' memory starts; those of 2³² and up are meant as they are.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are those of `Act` and `Step`")]
pub enum Op {
    Anonymous {
        guest: usize,
        size: u64,
    },
    Open {
        guest: usize,
        object: Pick,
    },
    OpenFile {
        guest: usize,
        writable: bool,
    },
    Len {
        guest: usize,
        handle: Pick,
    },
    Rights {
        guest: usize,
        handle: Pick,
    },
    Resize {
        guest: usize,
        handle: Pick,
        size: u64,
    },
    DropHandle {
        guest: usize,
        handle: Pick,
    },
    /// If it `fits`, it shows something of the object.
    Map {
        guest: usize,
        handle: Pick,
        ask: MapAt,
        fits: bool,
    },
    Publish(Pick, Part),
    Refresh(Pick, Part),
    Sync(Pick, Part),
    Acquire(Pick, Part, Access, Option<u64>),
    Upgrade(Pick, Part, u64),
    Downgrade(Pick, Part),
    Unmap(Pick),
    DropMapping(Pick),
    Release(Pick, Part),
    DropLease(Pick),
    Store {
        guest: usize,
        to: Range,
        value: u8,
    },
    Fill {
        guest: usize,
        to: Range,
        value: u8,
    },
    Copy {
        guest: usize,
        to: u64,
        from: Range,
    },
    Grow(usize),
    WriteFile {
        guest: usize,
        offset: u64,
        from: Range,
    },
    ReadFile {
        guest: usize,
        offset: u64,
        to: Range,
    },
    Cross {
        guest: usize,
        to: Range,
        value: u8,
        meanwhile: Box<Op>,
    },
    Trap {
        guest: usize,
        to: Range,
        value: u8,
    },
    Rest(usize),
    Read(Pick),
    Write {
        object: Pick,
        offset: u64,
        len: u64,
        value: u8,
    },
    End(usize, How),
    RenewMemory(usize),
}

fn guest() -> impl Strategy<Value = usize> {
    0..GUESTS
}

fn pick() -> impl Strategy<Value = Pick> {
    any::<usize>()
}

fn part(granule: u64) -> impl Strategy<Value = Part> {
    prop_oneof![
        10 => Just(Part::Whole),
        5 => (0..2 * granule, 1..2 * granule).prop_map(|(from, len)| Part::Inside(from, len)),
        1 => (0..2 * granule, 0..2 * granule).prop_map(|(from, len)| Part::Off(from, len)),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(start, len)| Part::Wild(start, len)),
    ]
}

/// What windows a program mostly maps: leases and windows without them keep each other out.
#[derive(Clone, Copy, Debug)]
enum Taste {
    Mixed,
    Leased,
    Automatic,
}

fn ask(granule: u64, taste: Taste) -> impl Strategy<Value = MapAt> {
    let (automatic, leased) = match taste {
        Taste::Mixed => (4, 3),
        Taste::Leased => (1, 30),
        Taste::Automatic => (12, 1),
    };
    let kinds = prop_oneof![
        automatic => Just(Kind::Automatic),
        leased => Just(Kind::Leased),
        1 => Just(Kind::Aliasing),
        2 => Just(Kind::Private),
    ];
    let start = prop_oneof![20 => (0..4_u64).prop_map(|pair| 2 * pair), 10 => 0..8_u64, 1 => 8..18_u64, 1 => Just((1 << 32) / granule)];
    let len = prop_oneof![1 => Just(0_u64), 20 => Just(1), 20 => Just(2), 5 => Just(3)];
    let offset = prop_oneof![3 => Just(0_u64), 2 => Just(1), 1 => Just(2)];
    (start, len, offset, kinds, 0..60_u64, any::<bool>()).prop_map(move |(start, len, offset, kind, odd, populate)| {
        // Now and then one of the numbers is off the granule, or not to be believed.
        let skew = |number: u64| u64::from(odd == number);
        let mut ask =
            map_at(start * granule + skew(0), len * granule + skew(1), kind).offset(offset * granule + skew(2));
        match odd {
            5 => ask.window.0 = u64::MAX,
            6 => ask.window.1 = 0_u64.wrapping_sub(granule),
            7 => ask.options.offset = 0_u64.wrapping_sub(granule),
            _ => {}
        }
        ask.options.populate = if populate { Populate::Now } else { Populate::OnDemand };
        ask
    })
}

/// Programs of fewer ops than `length`.
pub(crate) fn program(setting: &Setting, length: usize) -> BoxedStrategy<Vec<Op>> {
    let of = |taste| vec(op(setting, taste), 1..length);
    prop_oneof![of(Taste::Mixed), of(Taste::Leased), of(Taste::Automatic)].boxed()
}

fn op(setting: &Setting, taste: Taste) -> BoxedStrategy<Op> {
    let simple = simple(setting.granule, taste);
    let bytes = bytes(setting.granule);
    let cross = |meanwhile: BoxedStrategy<Op>| {
        let cross = |(guest, to, value, op)| Op::Cross { guest, to, value, meanwhile: Box::new(op) };
        (guest(), bytes.clone(), any::<u8>(), meanwhile).prop_map(cross).boxed()
    };
    let nested = cross(simple.clone());
    let twice = cross(nested.clone());
    prop_oneof![20 => simple, 3 => nested, 1 => twice].boxed()
}

fn bytes(granule: u64) -> BoxedStrategy<Range> {
    let start = prop_oneof![9 => 0..9 * granule, 1 => 0..16 * granule];
    (start, prop_oneof![1..9_u64, 1..granule * 3 / 2]).boxed()
}

fn simple(granule: u64, taste: Taste) -> BoxedStrategy<Op> {
    let bytes = || bytes(granule);
    let part = || part(granule);
    let access = prop_oneof![Just(Access::Read), Just(Access::Write)];
    // Often a length that an object has already.
    let size =
        prop_oneof![1 => 0..4 * granule, 2 => granule..4 * granule, 2 => Just(2 * granule + 7), 2 => Just(3 * granule)];
    let named = prop_oneof![
        16 => (guest(), prop_oneof![Just(0), pick()], ask(granule, taste), 0..8_u64)
            .prop_map(|(guest, handle, ask, odd)| Op::Map { guest, handle, ask, fits: odd != 0 }),
        2 => pick().prop_map(Op::Unmap),
        1 => pick().prop_map(Op::DropMapping),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Publish(which, part)),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Refresh(which, part)),
        3 => (pick(), part()).prop_map(|(which, part)| Op::Sync(which, part)),
        8 => (pick(), part(), access.clone())
            .prop_map(|(which, part, access)| Op::Acquire(which, part, access, None)),
        3 => (pick(), part(), access, 0..2_u64)
            .prop_map(|(which, part, access, wait)| Op::Acquire(which, part, access, Some(wait))),
        3 => (pick(), 0..2_u64).prop_map(|(which, wait)| Op::Upgrade(which, Part::Whole, wait)),
        2 => pick().prop_map(|which| Op::Downgrade(which, Part::Whole)),
        1 => (pick(), part(), 0..2_u64).prop_map(|(which, part, wait)| match wait {
            0 => Op::Downgrade(which, part),
            _ => Op::Upgrade(which, part, wait),
        }),
        3 => pick().prop_map(|which| Op::Release(which, Part::Whole)),
        1 => (pick(), part()).prop_map(|(which, part)| Op::Release(which, part)),
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
        4 => (guest(), bytes(), prop_oneof![Just(0), any::<u8>()]).prop_map(|(guest, to, value)| Op::Fill { guest, to, value }),
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
