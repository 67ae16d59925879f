//! Counting lines and words, eight bytes at a time.

use std::ops::AddAssign;

/// What wc counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Newlines.
    pub(crate) lines: u64,
    /// Runs of bytes that aren't white space (`isspace` in the C locale).
    pub(crate) words: u64,
    /// Bytes.
    pub(crate) bytes: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.lines += more.lines;
        self.words += more.words;
        self.bytes += more.bytes;
    }
}

/// Counts bytes that come in parts.
pub(crate) struct Counter {
    counts: Counts,
    // The top bit of lane 0, if the byte before was white space: a word may start.
    space_before: u64,
}

impl Default for Counter {
    fn default() -> Self {
        Self { counts: Counts::default(), space_before: FIRST }
    }
}

/// The lowest bit of every lane; a lane is a byte of a u64.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The highest bit of every lane, and of the first one.
const TOPS: u64 = 0x80 * ONES;
const FIRST: u64 = 0x80;
/// All bits but that.
const LOWS: u64 = 0x7f * ONES;

impl Counter {
    /// Counts `bytes`, which follow those of the call before.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.counts.bytes += bytes.len() as u64;
        let (chunks, rest) = bytes.as_chunks::<8>();
        for &chunk in chunks {
            self.lanes(u64::from_le_bytes(chunk));
        }
        if !rest.is_empty() {
            // The missing bytes look like the last one: no newline and no start of a word that isn't there.
            let last = rest[rest.len() - 1];
            let mut chunk = [if last == b'\n' { b' ' } else { last }; 8];
            chunk[..rest.len()].copy_from_slice(rest);
            self.lanes(u64::from_le_bytes(chunk));
        }
    }

    /// The counts of all bytes so far.
    pub(crate) fn finish(self) -> Counts {
        self.counts
    }

    /// Counts eight bytes, the first one in the lowest lane. Every sum below stays inside its lane, since lanes are below
    /// 0x80 there; its top bit says whether the lane is at least some number.
    #[inline]
    fn lanes(&mut self, lanes: u64) {
        let low = lanes & LOWS;
        let ascii = !lanes & TOPS;
        let differs_from = |byte: u64| (low ^ (byte * ONES)) + LOWS;
        let at_least = |byte: u64| low + (0x80 - byte) * ONES;
        let newline = !differs_from(0x0a) & ascii;
        // Tab to carriage return, and the blank.
        let space = ((at_least(0x09) & !at_least(0x0e)) | !differs_from(0x20)) & ascii;
        let after_space = (space << 8) | self.space_before;
        let starts = after_space & !space & TOPS;
        self.counts.lines += u64::from(newline.count_ones());
        self.counts.words += u64::from(starts.count_ones());
        self.space_before = space >> 56;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One byte at a time, as it is defined.
    fn slowly(bytes: &[u8]) -> Counts {
        let mut counts = Counts { bytes: bytes.len() as u64, ..Counts::default() };
        let mut in_word = false;
        for &byte in bytes {
            counts.lines += u64::from(byte == b'\n');
            let space = matches!(byte, b' ' | 0x09..=0x0d);
            counts.words += u64::from(!space && !in_word);
            in_word = !space;
        }
        counts
    }

    fn fast(parts: &[&[u8]]) -> Counts {
        let mut counter = Counter::default();
        parts.iter().for_each(|part| counter.feed(part));
        counter.finish()
    }

    #[test]
    fn every_byte_counts_as_it_is_defined() {
        for byte in 0..=u8::MAX {
            for other in [b' ', b'a', b'\n', 0xff] {
                let bytes = [other, byte, byte, other, byte, other, other, byte, byte];
                assert_eq!(fast(&[&bytes]), slowly(&bytes), "{bytes:?}");
            }
        }
    }

    #[test]
    fn parts_count_as_the_whole() {
        let text = b"  one two\n\nthree \t four\x0bfive\r\n six seven\n";
        let whole = slowly(text);
        for cut in 0..=text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(fast(&[head, tail]), whole, "cut at {cut}");
        }
    }

    #[test]
    fn nothing_counts_as_nothing() {
        assert_eq!(fast(&[]), Counts::default());
        assert_eq!(fast(&[b""]), Counts::default());
    }
}
