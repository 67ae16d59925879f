//! The model's steps, as they go over the wire.

use memctl_core::{Access, Code, Coherence, PastEnd, Populate, Protection, Sharing};
use memctl_model::{Act, MapAt};

use crate::guest::bindings::exports::memctl::stepper::steps::{
    self, Ask, FilePart, LeaseAsk, MapOptions, Part, Stores, UpgradeAsk,
};
use crate::guest::bindings::wasi::memory_control::{mapping, types};

pub(crate) use crate::guest::bindings::exports::memctl::stepper::steps::Range;

fn range((start, len): memctl_model::Range) -> Range {
    Range { start, len }
}

pub(crate) fn ranges(ranges: &[memctl_model::Range]) -> Vec<Range> {
    ranges.iter().copied().map(range).collect()
}

fn part(name: u32, of: memctl_model::Range) -> Part {
    Part { name, range: range(of) }
}

fn ask(handle: u32, ask: &MapAt, mapping: u32) -> Ask {
    let options = ask.options;
    let options = MapOptions {
        offset: options.offset,
        protection: match options.protection {
            Protection::None => types::Protection::None,
            Protection::Read => types::Protection::Read,
            Protection::ReadWrite => types::Protection::ReadWrite,
        },
        sharing: match options.sharing {
            Sharing::Shared => types::Sharing::Shared,
            Sharing::Private => types::Sharing::Private,
        },
        coherence: match options.coherence {
            Coherence::Automatic => types::Coherence::Automatic,
            Coherence::Leased => types::Coherence::Leased,
            Coherence::Aliasing => types::Coherence::Aliasing,
        },
        flags: match options.populate {
            Populate::OnDemand => mapping::MapFlags::empty(),
            Populate::Now => mapping::MapFlags::POPULATE,
        } | match options.past_end {
            PastEnd::Refused => mapping::MapFlags::empty(),
            PastEnd::Own => mapping::MapFlags::PAST_END,
        },
    };
    Ask { handle, window: range(ask.window), options, mapping }
}

/// What a guest does.
pub(crate) fn act(act: &Act) -> steps::Act {
    use steps::Act as Wire;
    match *act {
        Act::Anonymous { size, handle } => Wire::Anonymous((size, handle)),
        Act::Open { object, handle } => Wire::Open((object.to_owned(), handle)),
        Act::OpenFile { writable, handle } => Wire::OpenFile((writable, handle)),
        Act::Len(handle) => Wire::Len(handle),
        Act::Rights(handle) => Wire::Rights(handle),
        Act::Resize(handle, size) => Wire::Resize((handle, size)),
        Act::DropHandle(handle) => Wire::DropHandle(handle),
        Act::Map { handle, ask: ref at, mapping } => Wire::Map(ask(handle, at, mapping)),
        Act::Publish(name, of) => Wire::Publish(part(name, of)),
        Act::Refresh(name, of) => Wire::Refresh(part(name, of)),
        Act::Sync(name, of) => Wire::Sync(part(name, of)),
        Act::Acquire { mapping, part: of, access, wait, lease } => {
            let access = match access {
                Access::Read => types::Access::Read,
                Access::Write => types::Access::Write,
            };
            Wire::Acquire(LeaseAsk { part: part(mapping, of), access, wait, lease })
        }
        Act::Upgrade { lease, part: of, wait } => Wire::Upgrade(UpgradeAsk { lease: part(lease, of), wait }),
        Act::Downgrade(name, of) => Wire::Downgrade(part(name, of)),
        Act::Unmap(name) => Wire::Unmap(name),
        Act::DropMapping(name) => Wire::DropMapping(name),
        Act::Release(name, of) => Wire::Release(part(name, of)),
        Act::DropLease(name) => Wire::DropLease(name),
        Act::Store { to, value } => Wire::Store(Stores { to: range(to), value }),
        Act::Fill { to, value } => Wire::Fill(Stores { to: range(to), value }),
        Act::Copy { to, from } => Wire::Copy((to, range(from))),
        Act::Grow => Wire::Grow,
        Act::WriteFile { offset, from } => Wire::WriteFile(FilePart { offset, range: range(from) }),
        Act::ReadFile { offset, to } => Wire::ReadFile(FilePart { offset, range: range(to) }),
        Act::Cross { to, value, .. } => Wire::Cross(Stores { to: range(to), value }),
        Act::Trap { to, value } => Wire::Trap(Stores { to: range(to), value }),
        Act::Rest => Wire::Rest,
    }
}

pub(crate) fn code(code: types::ErrorCode) -> Code {
    use types::ErrorCode as Wire;
    match code {
        Wire::Alignment => Code::Alignment,
        Wire::Bounds => Code::Bounds,
        Wire::Overlap => Code::Overlap,
        Wire::Access => Code::Access,
        Wire::NotFound => Code::NotFound,
        Wire::Stale => Code::Stale,
        Wire::Quota => Code::Quota,
        Wire::Unsupported => Code::Unsupported,
        Wire::Busy => Code::Busy,
        Wire::OutOfMemory => Code::OutOfMemory,
        Wire::Io => Code::Io,
        Wire::TimedOut => Code::TimedOut,
        Wire::Deadlock => Code::Deadlock,
    }
}
