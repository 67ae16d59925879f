//! Static protection: where the protected parts of a memory end, and how a module declares that. `docs/static-protection.md` is the specification.

use alloc::vec::Vec;

use crate::{Error, Granule};

/// The statically protected parts of a memory, as the addresses at which they end. Both are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Bounds {
    /// Below this address nothing can be loaded or stored.
    pub no_access: u64,
    /// From `no_access` to below this address bytes can be loaded, and not stored.
    pub read_only: u64,
}

impl Bounds {
    /// Nothing is protected.
    pub const NONE: Self = Self { no_access: 0, read_only: 0 };

    /// The bounds in order, and inside a memory of `size` bytes.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`].
    ///
    /// ```
    /// use memctl_core::Bounds;
    /// assert!(Bounds { no_access: 4096, read_only: 8192 }.checked(65536).is_ok());
    /// assert!(Bounds { no_access: 4096, read_only: 0 }.checked(65536).is_err());
    /// assert!(Bounds { no_access: 0, read_only: 65537 }.checked(65536).is_err());
    /// ```
    pub fn checked(self, size: u64) -> Result<Self, Error> {
        let outside = |what, end, limit| Error::OutOfBounds { what, start: 0, len: end, limit };
        if self.read_only > size {
            return Err(outside("the read-only part", self.read_only, size));
        }
        if self.no_access > self.read_only {
            return Err(outside("the no-access part", self.no_access, self.read_only));
        }
        Ok(self)
    }

    /// Both rounded down to the granule: nothing is protected that was not asked for.
    ///
    /// ```
    /// use memctl_core::{Bounds, Granule};
    /// let asked = Bounds { no_access: 1024, read_only: 9000 };
    /// assert_eq!(asked.rounded(Granule::DEFAULT), Bounds { no_access: 0, read_only: 8192 });
    /// ```
    #[must_use]
    pub fn rounded(self, granule: Granule) -> Self {
        let down = |end: u64| end - end % granule.bytes();
        Self { no_access: down(self.no_access), read_only: down(self.read_only) }
    }
}

/// One module's wish for one of its memories: a record of the custom section [`Declaration::SECTION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Index of the memory in the module.
    pub memory: u32,
    /// What is protected, not rounded yet.
    pub bounds: Bounds,
}

/// A section that declares protection can't be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("section \"{}\", byte {offset}: {what}", Declaration::SECTION)]
pub struct Malformed {
    /// Where in the section's contents.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Declaration {
    /// Name of the custom section.
    pub const SECTION: &'static str = "memory-control.protection";

    /// Length of a record in bytes.
    pub const LEN: usize = 24;

    const VERSION: u8 = 1;

    /// The record. Linkers put the sections of several objects behind each other, so any number of records is a section.
    ///
    /// ```
    /// use memctl_core::{Bounds, Declaration};
    /// let declared = Declaration { memory: 0, bounds: Bounds { no_access: 4096, read_only: 65536 } };
    /// assert_eq!(Declaration::parse(&declared.to_bytes()), Ok(vec![declared]));
    /// ```
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        let [m0, m1, m2, m3] = self.memory.to_le_bytes();
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.bounds.no_access.to_le_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7] = self.bounds.read_only.to_le_bytes();
        [
            Self::VERSION,
            0,
            0,
            0,
            m0,
            m1,
            m2,
            m3, //
            n0,
            n1,
            n2,
            n3,
            n4,
            n5,
            n6,
            n7,
            r0,
            r1,
            r2,
            r3,
            r4,
            r5,
            r6,
            r7,
        ]
    }

    /// The records of a section.
    ///
    /// # Errors
    /// [`Malformed`] names the byte: an unknown version, a section that ends inside a record, bounds in the wrong order, or two
    /// records for one memory.
    pub fn parse(section: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut declared: Vec<Self> = Vec::new();
        for (index, record) in section.chunks(Self::LEN).enumerate() {
            let at = index * Self::LEN;
            let wrong = |offset, what| Malformed { offset: at + offset, what };
            let Ok(&[version, 0, 0, 0, m0, m1, m2, m3, ref bounds @ ..]) = <&[u8; Self::LEN]>::try_from(record) else {
                return Err(if record.len() == Self::LEN {
                    wrong(1, "reserved bytes are not 0")
                } else {
                    wrong(record.len(), "it ends inside a record of 24 bytes")
                });
            };
            if version != Self::VERSION {
                return Err(wrong(0, "the version of the record is unknown"));
            }
            let (no_access, read_only) = bounds.split_at(8);
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let declaration = Self {
                memory: u32::from_le_bytes([m0, m1, m2, m3]),
                bounds: Bounds { no_access: number(no_access), read_only: number(read_only) },
            };
            if declaration.bounds.read_only < declaration.bounds.no_access {
                return Err(wrong(16, "the read-only part ends before the no-access part"));
            }
            if declared.iter().any(|other| other.memory == declaration.memory) {
                return Err(wrong(4, "a second record for this memory"));
            }
            declared.push(declaration);
        }
        Ok(declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: Declaration = Declaration { memory: 3, bounds: Bounds { no_access: 1, read_only: 1 << 40 } };

    #[test]
    fn records_behind_each_other_are_a_section() {
        let other = Declaration { memory: 0, ..DECLARED };
        let section = [DECLARED.to_bytes(), other.to_bytes()].concat();
        assert_eq!(Declaration::parse(&section), Ok(alloc::vec![DECLARED, other]));
        assert_eq!(Declaration::parse(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_byte() {
        let changed = |at: usize, to: u8| {
            let mut record = DECLARED.to_bytes();
            record[at] = to;
            [DECLARED.to_bytes(), Declaration { memory: 4, ..DECLARED }.to_bytes(), record].concat()
        };
        let cut = DECLARED.to_bytes()[..23].to_vec();
        let backwards = Declaration { memory: 0, bounds: Bounds { no_access: 2, read_only: 1 } }.to_bytes().to_vec();
        for (section, offset) in
            [(changed(0, 2), 48), (changed(1, 1), 49), (changed(4, 4), 52), (cut, 23), (backwards, 16)]
        {
            assert_eq!(Declaration::parse(&section).expect_err("malformed").offset, offset);
        }
    }
}
