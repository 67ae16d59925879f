//! Names under which a memory's shield and hulls are exported, and imported by modules that import the memory.

/// A value that a check needs and that its memory's definer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hull {
    LoadsFirst,
    LoadsMore,
    StoresFirst,
    StoresMore,
}

impl Hull {
    pub(crate) const ALL: [Self; 4] = [Self::LoadsFirst, Self::LoadsMore, Self::StoresFirst, Self::StoresMore];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::LoadsFirst => "loads-first",
            Self::LoadsMore => "loads-more",
            Self::StoresFirst => "stores-first",
            Self::StoresMore => "stores-more",
        }
    }

    /// Where it is in the shield.
    pub(crate) fn place(self) -> u64 {
        use memctl_core::Shield;
        match self {
            Self::LoadsFirst => Shield::LOADS,
            Self::LoadsMore => Shield::LOADS + 8,
            Self::StoresFirst => Shield::STORES,
            Self::StoresMore => Shield::STORES + 8,
        }
    }
}

/// What names of instrumentation's own begin with: a program that has such names already could pass for an instrumented one.
pub(crate) const RESERVED: &str = "memctl:shield/";

/// The field under which a module exports the shield of its memory `memory`.
pub(crate) fn shield(memory: u32) -> String {
    format!("memctl:shield/{memory}")
}

/// The field under which a module exports a part of the hulls of its memory `memory`.
pub(crate) fn hull(memory: u32, part: Hull) -> String {
    format!("memctl:shield/{memory}/{}", part.word())
}

/// The module name that a module imports the shield and hulls of its memory import `import` from.
pub(crate) fn module(import: u32) -> String {
    format!("memctl:shield/{import}")
}

/// Module names whose functions may change what is protected.
pub(crate) const CONTROL: &str = "wasi:memory-control/";

/// Whether importing from this module asks for table checks.
pub(crate) fn asks_for_table(module: &str) -> bool {
    module.strip_prefix(CONTROL).is_some_and(|interface| {
        ["protection", "mapping", "window", "heap"].contains(&interface.split('@').next().unwrap_or_default())
    })
}
