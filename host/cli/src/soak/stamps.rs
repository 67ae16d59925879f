//! Stamps: every granule of a checked object holds one word over and over. A granule with two words was torn, one with a foreign tag was
//! written by somebody who may not.

use memctl_wasmtime::{Domain, Error};

use super::random::Random;

/// The name of the object that is shared under leases.
pub(crate) const STAMPED: &str = "stamped";
/// The name of the object that guests in turns share without leases. All of it holds one stamp.
pub(crate) const AUTOMATIC: &str = "automatic";

/// How stamps start that belong in objects.
pub(crate) const SHARED: u64 = 0x50ac;
/// How stamps start that guests put in their snapshots.
pub(crate) const PRIVATE: u64 = 0x9a7e;

/// A new stamp.
pub(crate) fn new(random: &mut Random, tag: u64) -> u64 {
    tag << 48 | random.next() >> 16
}

/// What guest.wat's `look` gives for granules that hold these words.
pub(crate) fn sum(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(0, |sum: u64, word| sum.wrapping_mul(31).wrapping_add(word) & (u64::MAX >> 2))
}

/// `look` for bytes of an object, in host code.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn look(bytes: &[u8], granule: u64) -> Result<u64, String> {
    let mut words = Vec::new();
    for (index, granule) in bytes.chunks(usize::try_from(granule).unwrap_or(usize::MAX)).enumerate() {
        let (first, _) = granule.split_first_chunk::<8>().ok_or("the object is not whole words")?;
        let word = u64::from_le_bytes(*first);
        if granule.chunks(8).any(|other| other != first) {
            return Err(format!("granule {index} holds more than one stamp: a write was torn"));
        }
        if word != 0 && word >> 48 != SHARED {
            return Err(format!("granule {index} holds {word:#x}, which nobody may have written there"));
        }
        words.push(word);
    }
    Ok(sum(words))
}

/// Reads the automatic object, which should hold `expected`, and puts `next` there unless that is 0. Whether it was as expected.
pub(crate) fn exchange(domain: &Domain, expected: u64, next: u64) -> bool {
    let exchanged = || -> Result<bool, Error> {
        let len = usize::try_from(domain.object_size(AUTOMATIC)?).unwrap_or(0);
        let mut bytes = vec![0; len];
        domain.read_object(AUTOMATIC, 0, &mut bytes)?;
        if bytes.chunks(8).any(|word| word != expected.to_le_bytes()) {
            return Ok(false);
        }
        if next != 0 {
            domain.write_object(AUTOMATIC, 0, &next.to_le_bytes().repeat(len / 8))?;
        }
        Ok(true)
    };
    exchanged().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torn_and_foreign_granules_are_found() {
        let mut random = Random::new(1);
        let stamp = new(&mut random, SHARED);
        let mut bytes = [stamp.to_le_bytes().repeat(4), vec![0; 32]].concat();
        assert_eq!(look(&bytes, 32), Ok(sum([stamp, 0])));
        bytes[63] = 1;
        assert!(look(&bytes, 32).unwrap_err().contains("torn"));
        let foreign = new(&mut random, PRIVATE).to_le_bytes().repeat(4);
        assert!(look(&foreign, 32).unwrap_err().contains("nobody"));
    }
}
