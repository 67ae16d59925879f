//! The functions that a core module can import, and what each of their parameters means.

use arbitrary::{Result, Unstructured};
use wasm_encoder::ValType;

/// What a parameter means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The list that says which memory: its address, and its length.
    List,
    ListLen,
    Start,
    Len,
    Object,
    Mapping,
    Lease,
    /// Numbers of enums' cases.
    Protection,
    /// The same, where each of them is as likely.
    AnyProtection,
    Sharing,
    Coherence,
    Access,
    MapFlags,
    Name,
    NameLen,
    /// Where in an object.
    Offset,
    Size,
    Ticket,
    /// Nanoseconds to wait at most: few, so that an input ends.
    Timeout,
    /// A window's number.
    Number,
    /// A shared heap, and what the rest of a token says.
    Heap,
    BlockOffset,
    BlockLen,
    Generation,
    Align,
    Queue,
    /// Where the result goes.
    Result,
}

/// One function of the interface.
pub(crate) struct Function {
    interface: &'static str,
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Role],
    result: &'static [ValType],
}

use Role::{
    Access, Align, AnyProtection, BlockLen, BlockOffset, Coherence, Generation, Heap, Lease, Len, List, ListLen,
    MapFlags, Mapping, Name, NameLen, Number, Object, Offset, Protection, Queue, Result as To, Sharing, Size, Start,
    Ticket, Timeout,
};

const fn function(
    interface: &'static str,
    name: &'static str,
    params: &'static [Role],
    result: &'static [ValType],
) -> Function {
    Function { interface, name, params, result }
}

/// All of them.
pub(crate) const FUNCTIONS: &[Function] = &[
    function("domain", "granule", &[], &[ValType::I64]),
    function("domain", "capabilities-of", &[List, ListLen], &[ValType::I32]),
    function("domain", "limits", &[To], &[]),
    function("domain", "usage", &[To], &[]),
    function("file-ticket", "issue", &[To], &[]),
    function("file-ticket", "redeem", &[Ticket, To], &[]),
    function("object", "[static]object.anonymous", &[Size, To], &[]),
    function("object", "[static]object.open", &[Name, NameLen, To], &[]),
    function("object", "[method]object.len", &[Object, To], &[]),
    function("object", "[method]object.rights", &[Object], &[ValType::I32]),
    function("object", "[method]object.resize", &[Object, Size, To], &[]),
    function("object", "[resource-drop]object", &[Object], &[]),
    function(
        "mapping",
        "[static]mapping.map",
        &[List, ListLen, Start, Len, Object, Offset, Protection, Sharing, Coherence, MapFlags, To],
        &[],
    ),
    function("mapping", "[method]mapping.publish", &[Mapping, List, ListLen, Start, Len, To], &[]),
    function("mapping", "[method]mapping.refresh", &[Mapping, List, ListLen, Start, Len, To], &[]),
    function("mapping", "[method]mapping.sync", &[Mapping, List, ListLen, Start, Len, To], &[]),
    function("mapping", "[method]mapping.unmap", &[Mapping, List, ListLen, Start, Len, To], &[]),
    function("mapping", "[method]mapping.acquire", &[Mapping, List, ListLen, Start, Len, Access, To], &[]),
    function("mapping", "[static]lease.release", &[Lease, List, ListLen, Start, Len, To], &[]),
    function("mapping", "[resource-drop]mapping", &[Mapping], &[]),
    function("mapping", "[resource-drop]lease", &[Lease], &[]),
    function(
        "mapping",
        "[method]mapping.acquire-within",
        &[Mapping, List, ListLen, Start, Len, Access, Timeout, To],
        &[],
    ),
    function("mapping", "[method]lease.upgrade", &[Lease, List, ListLen, Start, Len, Timeout, To], &[]),
    function("mapping", "[method]lease.downgrade", &[Lease, List, ListLen, Start, Len, To], &[]),
    function("protection", "seal", &[List, ListLen, Size, Size, To], &[]),
    function("protection", "sealed", &[List, ListLen, To], &[]),
    function("protection", "protect", &[List, ListLen, Start, Len, AnyProtection, To], &[]),
    function("protection", "discard", &[List, ListLen, Start, Len, To], &[]),
    function("window", "count", &[List, ListLen], &[ValType::I32]),
    function("window", "size", &[List, ListLen, Number, To], &[]),
    function("window", "capabilities-of", &[List, ListLen, Number, To], &[]),
    function(
        "window",
        "bind",
        &[List, ListLen, Number, Start, Len, Object, Offset, Protection, Sharing, Coherence, MapFlags, To],
        &[],
    ),
    function(
        "window",
        "rebind",
        &[List, ListLen, Start, Len, Mapping, Object, Offset, Protection, Sharing, Coherence, MapFlags, To],
        &[],
    ),
    function("heap", "open", &[Name, NameLen, To], &[]),
    function("heap", "status", &[Heap, To], &[]),
    function("heap", "member", &[Heap, Queue, To], &[]),
    function("heap", "attach", &[Heap, List, ListLen, Number, Start, Protection, To], &[]),
    function("heap", "detach", &[Heap, To], &[]),
    function("heap", "alloc", &[Heap, BlockLen, Align, To], &[]),
    function("heap", "free", BLOCK, &[]),
    function("heap", "share", BLOCK, &[]),
    function("heap", "unshare", BLOCK, &[]),
    function("heap", "give", BLOCK, &[]),
    function("heap", "take", BLOCK, &[]),
    function("heap", "resolve", BLOCK, &[]),
    function("heap", "release", BLOCK, &[]),
    function("heap", "send", &[Heap, Queue, Heap, BlockOffset, BlockLen, Generation, To], &[]),
    function("heap", "receive", &[Heap, Queue, Timeout, To], &[]),
    function("heap", "inherit", &[Heap, To], &[]),
];

/// A call that is told a token.
const BLOCK: &[Role] = &[Heap, BlockOffset, BlockLen, Generation, To];

pub(crate) const GRANULE: u64 = 4096;
/// Bytes in a guest's memory when it begins.
pub(crate) const MEMORY: u64 = 4 << 16;
/// Where windows usually are.
pub(crate) const WINDOWS: u64 = 1 << 16;
/// Where results usually go.
pub(crate) const RESULT: i32 = 64;
/// Where names are in every guest's memory, each in 16 bytes: the published objects, nothing's name, and no name at all.
pub(crate) const NAMES: [&[u8]; 5] = [b"shared", b"file", b"still", b"\xff\xfe\xfd", b"heap"];

impl Function {
    pub(crate) fn module(&self) -> String {
        format!("wasi:memory-control/{}@0.1.0-draft", self.interface)
    }

    pub(crate) fn params(&self) -> impl Iterator<Item = ValType> + use<> {
        self.params.iter().map(|role| role.kind())
    }

    pub(crate) fn results(&self) -> &'static [ValType] {
        self.result
    }
}

/// A function's place in [`FUNCTIONS`], by a number: four stand for protection, 21 for windows and heaps, of the others one in eight for what came before that, and the rest for what
/// they always did, so that old inputs keep their meaning.
pub(crate) fn pick(choice: u8) -> usize {
    const PROTECTION: std::ops::Range<u8> = 156..160;
    const LATER: std::ops::Range<u8> = 131..152;
    const LAST: usize = 3;
    let later = FUNCTIONS.len() - LATER.len();
    let protection = later - PROTECTION.len();
    if LATER.contains(&choice) {
        return later + usize::from(choice - LATER.start);
    }
    if PROTECTION.contains(&choice) {
        return protection + usize::from(choice - PROTECTION.start);
    }
    let (first, choice) = (protection - LAST, usize::from(choice));
    if choice % 8 == 7 { first + choice / 8 % LAST } else { choice % first }
}

/// The place of the function of that name in [`FUNCTIONS`].
pub(crate) fn index(name: &str) -> usize {
    FUNCTIONS.iter().position(|function| function.name == name).expect("it is in the table")
}

impl Role {
    pub(crate) fn kind(self) -> ValType {
        match self {
            Self::Start | Self::Len | Self::Offset | Self::Size | Self::Ticket | Self::Timeout => ValType::I64,
            Self::Heap | Self::BlockOffset | Self::BlockLen | Self::Generation | Self::Align => ValType::I64,
            _ => ValType::I32,
        }
    }

    /// A number for the parameter: mostly one that makes sense.
    pub(crate) fn number(self, u: &mut Unstructured<'_>) -> Result<i64> {
        let choice: u8 = u.arbitrary()?;
        if choice >= 253 && self != Self::Timeout {
            return u.arbitrary();
        }
        let small = u64::from(choice);
        let number = match self {
            Self::List | Self::ListLen | Self::Ticket => small,
            Self::Start if choice < 224 => WINDOWS + small % 8 * GRANULE,
            Self::Start => edge(u)?,
            Self::Len if choice < 160 => GRANULE,
            Self::Len if choice < 240 => (1 + small % 3) * GRANULE,
            Self::Len => 1 + small,
            Self::Object | Self::Mapping | Self::Lease => small % 12,
            Self::Protection if choice < 240 => 2,
            Self::Protection | Self::AnyProtection => small % 4,
            Self::Sharing | Self::Access => small % 4,
            Self::Coherence => small % 3,
            Self::MapFlags => small % 4,
            Self::Name => small % 6 * 16,
            Self::NameLen => [6, 4, 5, 3][usize::from(choice % 4)],
            Self::Offset if choice < 128 => 0,
            Self::Offset => small % 3 * GRANULE,
            Self::Size => small * 100,
            Self::Timeout => small * 200,
            Self::Number if choice < 224 => small % 2,
            Self::Number => small % 4,
            Self::Heap if choice < 240 => 0,
            Self::Heap => small % 3,
            // The first blocks of any length are found by these numbers.
            Self::BlockOffset => [0, 256, 512, 4096][usize::from(choice % 4)],
            Self::BlockLen if choice < 192 => 256,
            Self::BlockLen => small * 40,
            Self::Generation => small % 4 | (small / 64) << 32,
            Self::Align => 1 << (small % 14),
            Self::Queue => small % 3,
            Self::Result if choice < 240 => RESULT.cast_unsigned().into(),
            Self::Result => edge(u)?,
        };
        Ok(number.cast_signed())
    }
}

/// A number near an edge of something.
pub(crate) fn edge(u: &mut Unstructured<'_>) -> Result<u64> {
    let (place, off): (u8, i8) = (u.arbitrary()?, u.arbitrary()?);
    let edge = match place % 8 {
        0..=3 => WINDOWS + u64::from(place) % 12 * GRANULE,
        4 => MEMORY,
        5 => u64::from(u32::MAX) + 1,
        6 => 1 << 63,
        _ => 0,
    };
    Ok(edge.wrapping_add_signed(i64::from(off) / 2))
}
