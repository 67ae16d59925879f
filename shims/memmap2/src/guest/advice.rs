//! The advice that `advise` and `unchecked_advise` take: Linux's, with Linux's numbers.

/// Advice that changes costs, never bytes.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Advice {
    /// `MADV_NORMAL`: nothing special.
    Normal = 0,
    /// `MADV_RANDOM`: accesses in no order.
    Random = 1,
    /// `MADV_SEQUENTIAL`: accesses in order.
    Sequential = 2,
    /// `MADV_WILLNEED`: accesses soon.
    WillNeed = 3,
    /// `MADV_DONTFORK`: not in children. A guest has none.
    DontFork = 10,
    /// `MADV_DOFORK`: takes `DontFork` back.
    DoFork = 11,
    /// `MADV_MERGEABLE`: equal pages may be kept once.
    Mergeable = 12,
    /// `MADV_UNMERGEABLE`: takes `Mergeable` back.
    Unmergeable = 13,
    /// `MADV_HUGEPAGE`: large pages are welcome.
    HugePage = 14,
    /// `MADV_NOHUGEPAGE`: takes `HugePage` back.
    NoHugePage = 15,
    /// `MADV_DONTDUMP`: not in core dumps.
    DontDump = 16,
    /// `MADV_DODUMP`: takes `DontDump` back.
    DoDump = 17,
    /// `MADV_HWPOISON`: pages that fail. Only for privileged processes, which no guest is.
    HwPoison = 100,
    /// `MADV_POPULATE_READ`: prepare all of it for reading.
    PopulateRead = 22,
    /// `MADV_POPULATE_WRITE`: prepare all of it for writing.
    PopulateWrite = 23,
}

/// Advice that may change bytes.
#[repr(i32)]
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum UncheckedAdvice {
    /// `MADV_DONTNEED`: the pages are what they were when they were mapped: an anonymous map's are zero, a private one's show the file
    /// again; a shared one's stay as they are.
    DontNeed = 4,
    /// `MADV_FREE`: the pages may become zero at any time before they are written next. For anonymous maps only.
    Free = 8,
    /// `MADV_REMOVE`: the pages and the bytes of the file are zero. For shared maps that can be written only.
    Remove = 9,
}

impl Advice {
    /// Whether `advise` takes it.
    pub fn is_supported(self) -> bool {
        self != Self::HwPoison
    }
}

impl UncheckedAdvice {
    /// Whether `unchecked_advise` takes it for some kind of map.
    pub fn is_supported(self) -> bool {
        match self {
            Self::DontNeed | Self::Free | Self::Remove => true,
        }
    }
}
