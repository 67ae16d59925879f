//! The types of `wit/types.wit`, `wit/domain.wit` and `wit/mapping.wit` as they cross the component boundary.

use alloc::sync::Arc;

use memctl_core as rules;
use wasmtime::component::{ComponentType, Lift, Lower, WasmList, flags};

use crate::guest::Guest;
use crate::in_place::may_be_in_place;
use crate::mmu::Reservation;

/// Declares an enum of the interface beside the one in memctl-core that means the same.
macro_rules! wire_enum {
    ($name:ident: $core:ty { $($case:ident = $wit:literal),* $(,)? }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
        #[component(enum)]
        #[repr(u8)]
        pub(crate) enum $name {
            $(#[component(name = $wit)] $case,)*
        }

        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                match value { $(<$core>::$case => Self::$case,)* }
            }
        }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value { $($name::$case => Self::$case,)* }
            }
        }
    };
}

/// Lets the enums that core modules pass be found by number.
macro_rules! numbered {
    ($($name:ident [$($case:ident),*];)*) => {$(
        #[cfg(feature = "std")]
        impl $name {
            /// The case with this number on the wire.
            pub(crate) fn from_number(number: u32) -> Option<Self> {
                const CASES: &[$name] = &[$($name::$case),*];
                CASES.get(number as usize).copied()
            }
        }
    )*};
}

wire_enum!(ErrorCode: rules::Code {
    Alignment = "alignment",
    Bounds = "bounds",
    Overlap = "overlap",
    Access = "access",
    NotFound = "not-found",
    Stale = "stale",
    Quota = "quota",
    Unsupported = "unsupported",
    Busy = "busy",
    OutOfMemory = "out-of-memory",
    Io = "io",
    TimedOut = "timed-out",
    Deadlock = "deadlock",
});
wire_enum!(Protection: rules::Protection { None = "none", Read = "read", ReadWrite = "read-write" });
wire_enum!(Sharing: rules::Sharing { Shared = "shared", Private = "private" });
wire_enum!(Coherence: rules::Coherence { Automatic = "automatic", Leased = "leased", Aliasing = "aliasing" });
wire_enum!(Access: rules::Access { Read = "read", Write = "write" });
numbered! {
    Protection [None, Read, ReadWrite];
    Sharing [Shared, Private];
    Coherence [Automatic, Leased, Aliasing];
    Access [Read, Write];
}

flags! {
    MapFlags {
        #[component(name = "populate")]
        const POPULATE;
        #[component(name = "past-end")]
        const PAST_END;
    }
}

flags! {
    Rights {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "resize")]
        const RESIZE;
    }
}

flags! {
    Capabilities {
        #[component(name = "zero-copy")]
        const ZERO_COPY;
        #[component(name = "aliasing")]
        const ALIASING;
        #[component(name = "automatic")]
        const AUTOMATIC;
        #[component(name = "whole-window")]
        const WHOLE_WINDOW;
        #[component(name = "protection")]
        const PROTECTION;
        #[component(name = "files")]
        const FILES;
        #[component(name = "file-tickets")]
        const FILE_TICKETS;
        #[component(name = "parallel")]
        const PARALLEL;
        #[component(name = "guarded")]
        const GUARDED;
        #[component(name = "isolated")]
        const ISOLATED;
    }
}

/// A range of guest memory, and a list that says which memory.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Window {
    pub(crate) memory: WasmList<u8>,
    pub(crate) start: u64,
    pub(crate) len: u64,
}

#[derive(Clone, Copy, ComponentType, Lift)]
#[component(record)]
pub(crate) struct MapOptions {
    pub(crate) offset: u64,
    pub(crate) protection: Protection,
    pub(crate) sharing: Sharing,
    pub(crate) coherence: Coherence,
    pub(crate) flags: MapFlags,
}

impl From<MapOptions> for rules::MapOptions {
    fn from(options: MapOptions) -> Self {
        let populate =
            if options.flags.contains(MapFlags::POPULATE) { rules::Populate::Now } else { rules::Populate::OnDemand };
        let past_end =
            if options.flags.contains(MapFlags::PAST_END) { rules::PastEnd::Own } else { rules::PastEnd::Refused };
        Self {
            offset: options.offset,
            protection: options.protection.into(),
            sharing: options.sharing.into(),
            coherence: options.coherence.into(),
            populate,
            past_end,
        }
    }
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Quotas {
    objects: u32,
    #[component(name = "object-bytes")]
    object_bytes: u64,
    mappings: u32,
    #[component(name = "mapped-bytes")]
    mapped_bytes: u64,
    leases: u32,
    waiters: u32,
    #[component(name = "protected-ranges")]
    protected_ranges: u32,
    blocks: u32,
    #[component(name = "block-bytes")]
    block_bytes: u64,
}

impl From<rules::Quotas> for Quotas {
    fn from(quotas: rules::Quotas) -> Self {
        let rules::Quotas {
            objects,
            object_bytes,
            mappings,
            mapped_bytes,
            leases,
            waiters,
            protected_ranges,
            blocks,
            block_bytes,
        } = quotas;
        Self { objects, object_bytes, mappings, mapped_bytes, leases, waiters, protected_ranges, blocks, block_bytes }
    }
}

/// Where the statically protected parts of a memory end.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Bounds {
    #[component(name = "no-access")]
    no_access: u64,
    #[component(name = "read-only")]
    read_only: u64,
}

impl From<rules::Bounds> for Bounds {
    fn from(rules::Bounds { no_access, read_only }: rules::Bounds) -> Self {
        Self { no_access, read_only }
    }
}

impl From<Bounds> for rules::Bounds {
    fn from(Bounds { no_access, read_only }: Bounds) -> Self {
        Self { no_access, read_only }
    }
}

/// What can be done in one memory, given what is known of it.
pub(crate) fn capabilities(guest: &Guest, memory: Option<Arc<Reservation>>, tickets: bool) -> Capabilities {
    let mut can = Capabilities::default();
    let known = memory.is_some();
    let base = memory.as_deref().and_then(|memory| guest.shared.made.base_of(memory));
    if guest.attachment().sees_crossings() && base.is_some_and(|base| may_be_in_place(&guest.shared, &base)) {
        can |= Capabilities::ZERO_COPY;
    }
    if memory.is_some_and(|memory| guest.enforces_protection(memory)) {
        can |= Capabilities::PROTECTION;
    }
    if guest.can_alias(known) {
        can |= Capabilities::ZERO_COPY | Capabilities::ALIASING;
    }
    let kept_apart = guest.shared.threads != rules::Threads::Many;
    if known && guest.attachment().sees_crossings() && kept_apart {
        can |= Capabilities::AUTOMATIC;
    }
    if !kept_apart {
        can = (can | Capabilities::PARALLEL) & !Capabilities::ALIASING;
    }
    if guest.shared.isolated {
        can |= Capabilities::ISOLATED;
    }
    if guest.can_alias(known) && guest.shared.guards() {
        can |= Capabilities::GUARDED;
    }
    if !known {
        can |= Capabilities::WHOLE_WINDOW;
    }
    if guest.shared.files {
        can |= Capabilities::FILES;
        if tickets {
            can |= Capabilities::FILE_TICKETS;
        }
    }
    can
}

#[cfg(feature = "std")]
/// The flags as the canonical ABI flattens them: bit by bit in the order of the interface.
pub(crate) fn bits(can: Capabilities) -> i32 {
    let flags = [
        Capabilities::ZERO_COPY,
        Capabilities::ALIASING,
        Capabilities::AUTOMATIC,
        Capabilities::WHOLE_WINDOW,
        Capabilities::PROTECTION,
        Capabilities::FILES,
        Capabilities::FILE_TICKETS,
        Capabilities::PARALLEL,
        Capabilities::GUARDED,
        Capabilities::ISOLATED,
    ];
    flags.into_iter().enumerate().map(|(bit, flag)| i32::from(can.contains(flag)) << bit).sum()
}
