//! Which database, and what is particular to it.

use std::fmt;

/// A database whose library is written in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// The Lightning Memory-Mapped Database.
    Lmdb,
    /// SQLite, with memory-mapped reads.
    Sqlite,
}

/// One way of using it: what a table has a row group for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// What it is called.
    pub name: &'static str,
    /// What the driver is told.
    pub options: &'static [&'static str],
    /// Whether the driver asks for windows that can't be stored to, which not every host has.
    pub read_only_windows: bool,
}

impl Database {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Lmdb, Self::Sqlite];

    /// As users write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lmdb => "lmdb",
            Self::Sqlite => "sqlite",
        }
    }

    /// The crate whose sources it is built from.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Lmdb => "lmdb-master-sys",
            Self::Sqlite => "libsqlite3-sys",
        }
    }

    /// The ways in which programs use it.
    #[must_use]
    pub fn modes(self) -> &'static [Mode] {
        match self {
            Self::Lmdb => &[
                Mode { name: "read-only map", options: &[], read_only_windows: true },
                Mode { name: "MDB_WRITEMAP", options: &["--writemap"], read_only_windows: false },
            ],
            Self::Sqlite => &[
                Mode { name: "mmap_size=256MiB", options: &["--mmap=268435456"], read_only_windows: true },
                Mode { name: "mmap_size=0", options: &["--mmap=0"], read_only_windows: false },
            ],
        }
    }

    /// The ways in which the crash tests use it.
    #[must_use]
    pub fn crash_modes(self) -> &'static [Mode] {
        match self {
            Self::Lmdb => &[
                Mode { name: "read-only map", options: &["--mib=8"], read_only_windows: true },
                Mode { name: "MDB_WRITEMAP", options: &["--mib=8", "--writemap"], read_only_windows: false },
            ],
            Self::Sqlite => &[
                Mode {
                    name: "journal_mode=delete",
                    options: &["--mmap=8388608", "--journal=delete"],
                    read_only_windows: true,
                },
                Mode {
                    name: "journal_mode=truncate",
                    options: &["--mmap=8388608", "--journal=truncate"],
                    read_only_windows: true,
                },
                Mode {
                    name: "journal_mode=persist",
                    options: &["--mmap=8388608", "--journal=persist"],
                    read_only_windows: true,
                },
            ],
        }
    }

    /// The commands that look at everything and change nothing.
    pub(crate) fn looks(self) -> &'static [&'static str] {
        match self {
            Self::Lmdb => &["scan"],
            Self::Sqlite => &["query", "check"],
        }
    }

    /// What the driver does, one process after another.
    pub(crate) fn commands(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Lmdb => &[
                &["load", "a.db", "--records=100000"],
                &["scan", "a.db"],
                &["delete", "a.db"],
                &["scan", "a.db"],
                &["compact", "a.db", "--to=b.db"],
                &["scan", "b.db"],
                &["stat", "b.db"],
            ],
            Self::Sqlite => &[
                &["load", "a.db", "--records=40000"],
                &["query", "a.db"],
                &["check", "a.db"],
                &["delete", "a.db"],
                &["query", "a.db"],
                &["check", "a.db"],
            ],
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lmdb => "LMDB",
            Self::Sqlite => "SQLite",
        })
    }
}
