//! What a user wrote after `--dir`, `--env`, `--object` and `--quota`, taken apart.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::size::{Size, SizeError};

/// What the guest may do to a directory or an object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Look only (`:ro`).
    Read,
    /// Look and change.
    ReadWrite,
}

impl Access {
    /// Splits a trailing `:ro` or `:rw` off.
    fn split_from(text: &str) -> (&str, Self) {
        if let Some(rest) = text.strip_suffix(":ro") {
            (rest, Self::Read)
        } else {
            (text.strip_suffix(":rw").unwrap_or(text), Self::ReadWrite)
        }
    }
}

/// `HOST::GUEST[:ro]`: a directory of this machine under a name that the guest knows. `HOST` alone stands for `HOST::HOST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirSpec {
    /// The directory on this machine.
    pub host: PathBuf,
    /// Its name in the guest.
    pub guest: String,
    /// What the guest may do in it.
    pub access: Access,
}

impl FromStr for DirSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (paths, access) = Access::split_from(text);
        let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
        if host.is_empty() || guest.is_empty() {
            return Err("the form is HOST::GUEST[:ro]".to_owned());
        }
        Ok(Self { host: host.into(), guest: guest.to_owned(), access })
    }
}

/// `NAME=VALUE`, or `NAME` for the value that this process has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvSpec {
    /// The variable.
    pub name: String,
    /// Its value in the guest.
    pub value: String,
}

impl FromStr for EnvSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => (
                text,
                std::env::var(text).map_err(|_| {
                    format!("'{text}' has no value here to pass on; the form is NAME=VALUE, or NAME of a variable that is set")
                })?,
            ),
        };
        if name.is_empty() {
            return Err("the form is NAME=VALUE".to_owned());
        }
        Ok(Self { name: name.to_owned(), value })
    }
}

/// `NAME=SIZE` or `NAME=PATH[:ro]`: an object that the guest can open by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSpec {
    /// The name that the guest opens.
    pub name: String,
    /// Where its bytes come from.
    pub source: ObjectSource,
}

/// Where a published object's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectSource {
    /// Nowhere: so many zero bytes, gone after the run.
    Zeroes(Size),
    /// A file, whose bytes the guest sees and, if allowed, changes.
    File(PathBuf, Access),
}

impl FromStr for ObjectSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "the form is NAME=SIZE or NAME=PATH[:ro]";
        let (name, source) = text.split_once('=').ok_or(FORM)?;
        if name.is_empty() || source.is_empty() {
            return Err(FORM.to_owned());
        }
        let source = match source.parse::<Size>() {
            Ok(Size(0)) => return Err(format!("object '{name}' would be empty; its size must be at least 1")),
            Ok(size) => ObjectSource::Zeroes(size),
            Err(error @ SizeError::TooLarge(_)) => return Err(error.to_string()),
            Err(SizeError::NoNumber(_) | SizeError::UnknownUnit(_)) => {
                let (path, access) = Access::split_from(source);
                if path.is_empty() {
                    return Err(FORM.to_owned());
                }
                ObjectSource::File(path.into(), access)
            }
        };
        Ok(Self { name: name.to_owned(), source })
    }
}

impl ObjectSource {
    /// The file behind the object and what the guest may do to it, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<(&Path, Access)> {
        match self {
            Self::Zeroes(_) => None,
            Self::File(path, access) => Some((path, *access)),
        }
    }
}

/// `NAME=PATH`: what a device writes into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedSpec {
    /// The object's name.
    pub object: String,
    /// The file whose bytes it writes.
    pub path: PathBuf,
}

impl FromStr for FeedSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').filter(|(object, path)| !object.is_empty() && !path.is_empty());
        let (object, path) = parts.ok_or("the form is NAME=PATH")?;
        Ok(Self { object: object.to_owned(), path: path.into() })
    }
}

/// `NAME=SIZE[..MAX]`: a shared heap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapSpec {
    /// What the guest opens it as.
    pub name: String,
    /// How long it is at first.
    pub size: Size,
    /// How long it can become.
    pub max: Size,
}

impl FromStr for HeapSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "the form is NAME=SIZE or NAME=SIZE..MAX, such as messages=1MiB..64MiB";
        let (name, sizes) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or(FORM)?;
        let (size, max) = sizes.split_once("..").unwrap_or((sizes, sizes));
        let bytes = |text: &str| text.parse::<Size>().map_err(|error| format!("{error}; {FORM}"));
        let (size, max) = (bytes(size)?, bytes(max)?);
        let wrong = [size, max].into_iter().find(|size| size.0 == 0 || !size.0.is_multiple_of(GRANULE));
        if let Some(wrong) = wrong {
            return Err(format!("{} bytes is no multiple of {GRANULE}, or nothing at all; {FORM}", wrong.0));
        }
        if max < size {
            return Err(format!("a heap can't grow from {size} to {max}; {FORM}"));
        }
        Ok(Self { name: name.to_owned(), size, max })
    }
}

/// What lengths of heaps are multiples of: the granule of any host that this runs on.
const GRANULE: u64 = 4096;

/// A limit that `--quota` can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaKey {
    /// `objects`: object handles.
    Objects,
    /// `object-bytes`: bytes of anonymous objects.
    ObjectBytes,
    /// `mappings`: live mappings.
    Mappings,
    /// `mapped-bytes`: bytes in the windows of live mappings.
    MappedBytes,
    /// `leases`: live leases.
    Leases,
    /// `waiters`: calls that wait for a lease.
    Waiters,
    /// `protected-ranges`: ranges of memory that are protected.
    ProtectedRanges,
    /// `blocks`: blocks of shared heaps.
    Blocks,
    /// `block-bytes`: bytes in them.
    BlockBytes,
}

impl QuotaKey {
    /// Every key with the name that the user types.
    pub const NAMES: [(&'static str, Self); 9] = [
        ("objects", Self::Objects),
        ("object-bytes", Self::ObjectBytes),
        ("mappings", Self::Mappings),
        ("mapped-bytes", Self::MappedBytes),
        ("leases", Self::Leases),
        ("waiters", Self::Waiters),
        ("protected-ranges", Self::ProtectedRanges),
        ("blocks", Self::Blocks),
        ("block-bytes", Self::BlockBytes),
    ];
}

/// `KEY=VALUE`: one changed limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaSpec {
    /// Which limit.
    pub key: QuotaKey,
    /// A count, or a size in bytes. Counts fit in 32 bits.
    pub value: u64,
}

impl FromStr for QuotaSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            let names = QuotaKey::NAMES.map(|(name, _)| name).join(", ");
            format!("the form is KEY=VALUE, and the keys are {names}")
        };
        let (name, value) = text.split_once('=').ok_or_else(form)?;
        let (_, key) = QuotaKey::NAMES.into_iter().find(|(known, _)| *known == name).ok_or_else(form)?;
        let value = match key {
            QuotaKey::ObjectBytes | QuotaKey::MappedBytes | QuotaKey::BlockBytes => {
                value.parse::<Size>().map_err(|error| error.to_string())?.0
            }
            QuotaKey::Objects
            | QuotaKey::Mappings
            | QuotaKey::Leases
            | QuotaKey::Waiters
            | QuotaKey::ProtectedRanges
            | QuotaKey::Blocks => {
                value.parse::<u32>().map_err(|_| format!("'{value}' is not a count between 0 and {}", u32::MAX))?.into()
            }
        };
        Ok(Self { key, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_has_a_length_and_another_to_grow_to() {
        let heap = |size, max| Ok(HeapSpec { name: "h".to_owned(), size: Size(size), max: Size(max) });
        assert_eq!("h=64KiB".parse(), heap(65536, 65536));
        assert_eq!("h=4096..1MiB".parse(), heap(4096, 1 << 20));
        for (text, part) in [
            ("h", "NAME=SIZE..MAX"),
            ("=4096", "NAME=SIZE..MAX"),
            ("h=4097", "multiple of 4096"),
            ("h=0", "nothing at all"),
            ("h=8KiB..4KiB", "can't grow"),
            ("h=4096..1MB", "not a unit"),
        ] {
            let error = text.parse::<HeapSpec>().expect_err("malformed");
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_feed_has_an_object_and_a_file() {
        assert_eq!("a=b=c".parse(), Ok(FeedSpec { object: "a".into(), path: "b=c".into() }));
        for text in ["a", "=b", "a="] {
            assert!(text.parse::<FeedSpec>().is_err_and(|error| error.contains("NAME=PATH")), "{text}");
        }
    }

    #[test]
    fn a_directory_has_two_names_and_an_access() {
        let dir = |host: &str, guest: &str, access| Ok(DirSpec { host: host.into(), guest: guest.into(), access });
        assert_eq!("a/b::/c".parse(), dir("a/b", "/c", Access::ReadWrite));
        assert_eq!("a::/c:ro".parse(), dir("a", "/c", Access::Read));
        assert_eq!("a::/c:rw".parse(), dir("a", "/c", Access::ReadWrite));
        assert_eq!("data".parse(), dir("data", "data", Access::ReadWrite));
        assert_eq!("data:ro".parse(), dir("data", "data", Access::Read));
        for text in ["", "::/c", "a::", ":ro", "a:::ro"] {
            assert!(text.parse::<DirSpec>().is_err_and(|e| e.contains("HOST::GUEST[:ro]")), "{text}");
        }
    }

    #[test]
    fn an_object_is_a_size_or_a_file() {
        let object = |name: &str, source| Ok(ObjectSpec { name: name.into(), source });
        assert_eq!("f=1MiB".parse(), object("f", ObjectSource::Zeroes(Size(1 << 20))));
        assert_eq!("f=a.bin".parse(), object("f", ObjectSource::File("a.bin".into(), Access::ReadWrite)));
        assert_eq!("f=a.bin:ro".parse(), object("f", ObjectSource::File("a.bin".into(), Access::Read)));
        assert_eq!("f=./4096".parse(), object("f", ObjectSource::File("./4096".into(), Access::ReadWrite)));
        assert_eq!("f=10.bin".parse(), object("f", ObjectSource::File("10.bin".into(), Access::ReadWrite)));
        assert_eq!("f=a=b".parse(), object("f", ObjectSource::File("a=b".into(), Access::ReadWrite)));
        for text in ["f", "=1", "f=", "f=:ro", "f=0", "f=99999999999999999999"] {
            assert!(text.parse::<ObjectSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_environment_variable_has_a_value_or_is_passed_on() {
        let env = |name: &str, value: &str| Ok(EnvSpec { name: name.into(), value: value.into() });
        assert_eq!("A=b=c".parse(), env("A", "b=c"));
        assert_eq!("A=".parse(), env("A", ""));
        assert_eq!("PATH".parse(), env("PATH", &std::env::var("PATH").unwrap()));
        assert!("MEMCTL_TEST_NOT_SET".parse::<EnvSpec>().is_err_and(|e| e.contains("MEMCTL_TEST_NOT_SET")));
        assert!("=x".parse::<EnvSpec>().is_err());
    }

    #[test]
    fn a_quota_names_its_key() {
        assert_eq!("mapped-bytes=64MiB".parse(), Ok(QuotaSpec { key: QuotaKey::MappedBytes, value: 64 << 20 }));
        assert_eq!("leases=4".parse(), Ok(QuotaSpec { key: QuotaKey::Leases, value: 4 }));
        assert!("lease=4".parse::<QuotaSpec>().is_err_and(|e| e.contains("object-bytes")));
        assert!("leases=4294967296".parse::<QuotaSpec>().is_err_and(|e| e.contains("count")));
        assert!("leases=4k".parse::<QuotaSpec>().is_err());
    }
}
