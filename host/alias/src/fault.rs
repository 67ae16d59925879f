//! A fault in guest memory, as a value and as one atomic word.

/// A fault inside a guest memory's accessible bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Offset in the guest memory of the byte that faulted.
    pub address: u64,
    /// Why.
    pub kind: FaultKind,
    /// Whether it was a store, where the processor says so.
    pub write: Option<bool>,
}

/// Why an access faulted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The host page's protection forbids the access (SIGSEGV).
    Protection,
    /// Nothing is behind the host page any more: the file was cut off, or its medium is full or broken (SIGBUS).
    Vanished,
}

// A word: bit 63 set, bit 58 a store, bit 57 bit 58 is known, bit 56 vanished, below that the address. Linux gives out no
// address of more than 56 bits (Documentation/arch/x86/x86_64/5level-paging.rst; arm64: 52), so an offset always fits.
const PRESENT: u64 = 1 << 63;
const WRITE: u64 = 1 << 58;
const WRITE_KNOWN: u64 = 1 << 57;
const VANISHED: u64 = 1 << 56;
const ADDRESS: u64 = VANISHED - 1;

impl Fault {
    /// The word that [`Fault::from_word`] reads; never 0.
    pub(crate) fn to_word(self) -> u64 {
        let kind = match self.kind {
            FaultKind::Protection => 0,
            FaultKind::Vanished => VANISHED,
        };
        let write = match self.write {
            None => 0,
            Some(false) => WRITE_KNOWN,
            Some(true) => WRITE_KNOWN | WRITE,
        };
        PRESENT | kind | write | (self.address & ADDRESS)
    }

    /// The fault in a word, `None` for 0.
    pub(crate) fn from_word(word: u64) -> Option<Self> {
        (word & PRESENT != 0).then(|| Self {
            address: word & ADDRESS,
            kind: if word & VANISHED == 0 { FaultKind::Protection } else { FaultKind::Vanished },
            write: (word & WRITE_KNOWN != 0).then_some(word & WRITE != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_its_word() {
        for address in [0, 1, 0xfff, ADDRESS] {
            for kind in [FaultKind::Protection, FaultKind::Vanished] {
                for write in [None, Some(false), Some(true)] {
                    let fault = Fault { address, kind, write };
                    assert_eq!(Fault::from_word(fault.to_word()), Some(fault));
                }
            }
        }
    }

    #[test]
    fn no_fault_is_zero() {
        assert_eq!(Fault::from_word(0), None);
    }
}
