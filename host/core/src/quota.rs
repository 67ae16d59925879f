//! Bounds on everything that a guest can hold (rule 10 of the contract).

use crate::Error;

/// How much of each countable thing may be held, or is. Counts are of live things, sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quotas {
    /// Object handles.
    pub objects: u32,
    /// Bytes of anonymous objects.
    pub object_bytes: u64,
    /// Live mappings.
    pub mappings: u32,
    /// Bytes in the windows of live mappings.
    pub mapped_bytes: u64,
    /// Live leases, those that are waited for included.
    pub leases: u32,
    /// Calls that wait for a lease.
    pub waiters: u32,
    /// Ranges of memory that can't be stored to, or not be touched at all.
    pub protected_ranges: u32,
    /// Blocks of shared heaps that are owned.
    pub blocks: u32,
    /// Bytes in them.
    pub block_bytes: u64,
}

impl Quotas {
    /// Nothing: what a guest uses before it starts.
    pub const NONE: Self = Self {
        objects: 0,
        object_bytes: 0,
        mappings: 0,
        mapped_bytes: 0,
        leases: 0,
        waiters: 0,
        protected_ranges: 0,
        blocks: 0,
        block_bytes: 0,
    };

    /// For one guest, unless the embedder says otherwise: 1,024 handles, 1 GiB of anonymous objects,
    /// 4,096 mappings of 4 GiB in all, 1,024 leases, 16 waits, 1,024 protected ranges, 4,096 blocks of 1 GiB in all.
    pub const GUEST: Self = Self {
        objects: 1024,
        object_bytes: 1 << 30,
        mappings: 4096,
        mapped_bytes: 4 << 30,
        leases: 1024,
        waiters: 16,
        protected_ranges: 1024,
        blocks: 4096,
        block_bytes: 1 << 30,
    };

    /// For all guests of a domain together, unless the embedder says otherwise: 16,384 handles, 4 GiB of anonymous
    /// objects, 32,768 mappings (Linux gives a process 65,530 maps) of 256 GiB in all, 16,384 leases, 4,096 waits, 8,192
    /// protected ranges, 65,536 blocks of 4 GiB in all.
    pub const DOMAIN: Self = Self {
        objects: 16384,
        object_bytes: 4 << 30,
        mappings: 32768,
        mapped_bytes: 256 << 30,
        leases: 16384,
        waiters: 4096,
        protected_ranges: 8192,
        blocks: 65536,
        block_bytes: 4 << 30,
    };
}

impl Default for Quotas {
    fn default() -> Self {
        Self::GUEST
    }
}

/// What is used, beside what may be.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Account {
    pub(crate) limit: Quotas,
    pub(crate) used: Quotas,
}

impl Account {
    pub(crate) fn new(limit: Quotas) -> Self {
        Self { limit, used: Quotas::NONE }
    }

    /// Whether `ask` fits beside what is used; nothing is taken.
    pub(crate) fn check(&self, scope: &'static str, ask: Quotas) -> Result<(), Error> {
        let check = |what, used: u64, limit: u64, asked: u64| {
            if asked != 0 && asked > limit.saturating_sub(used) {
                return Err(Error::Quota { what, scope, used, limit, asked });
            }
            Ok(())
        };
        let Self { used, limit } = self;
        check("object handles", used.objects.into(), limit.objects.into(), ask.objects.into())?;
        check("anonymous object bytes", used.object_bytes, limit.object_bytes, ask.object_bytes)?;
        check("mappings", used.mappings.into(), limit.mappings.into(), ask.mappings.into())?;
        check("mapped bytes", used.mapped_bytes, limit.mapped_bytes, ask.mapped_bytes)?;
        check("leases", used.leases.into(), limit.leases.into(), ask.leases.into())?;
        check("waiting calls", used.waiters.into(), limit.waiters.into(), ask.waiters.into())?;
        let protected = (used.protected_ranges, limit.protected_ranges, ask.protected_ranges);
        check("protected ranges", protected.0.into(), protected.1.into(), protected.2.into())?;
        check("blocks", used.blocks.into(), limit.blocks.into(), ask.blocks.into())?;
        check("block bytes", used.block_bytes, limit.block_bytes, ask.block_bytes)?;
        Ok(())
    }

    /// Takes what [`Account::check`] found to fit.
    pub(crate) fn take(&mut self, ask: Quotas) {
        self.used.objects += ask.objects;
        self.used.object_bytes += ask.object_bytes;
        self.used.mappings += ask.mappings;
        self.used.mapped_bytes += ask.mapped_bytes;
        self.used.leases += ask.leases;
        self.used.waiters += ask.waiters;
        self.used.protected_ranges += ask.protected_ranges;
        self.used.blocks += ask.blocks;
        self.used.block_bytes += ask.block_bytes;
    }

    /// Gives back what was taken.
    pub(crate) fn give(&mut self, back: Quotas) {
        self.used.objects -= back.objects;
        self.used.object_bytes -= back.object_bytes;
        self.used.mappings -= back.mappings;
        self.used.mapped_bytes -= back.mapped_bytes;
        self.used.leases -= back.leases;
        self.used.waiters -= back.waiters;
        self.used.protected_ranges -= back.protected_ranges;
        self.used.blocks -= back.blocks;
        self.used.block_bytes -= back.block_bytes;
    }
}
