//! What the sink says of the frames it saw.

use std::fmt;

/// What frames had, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    lines: String,
    frames: u32,
    white: u64,
    checksum: u64,
}

impl Statistics {
    /// Looks at the next frame.
    pub fn see(&mut self, frame: &[u8]) {
        let white = frame.iter().map(|pixel| u64::from(*pixel == 0xff)).sum::<u64>();
        let checksum = checksum(frame);
        self.lines.push_str(&format!("frame {}: {white} white pixels, {checksum:016x}\n", self.frames));
        self.frames += 1;
        self.white += white;
        self.checksum = self.checksum.rotate_left(1) ^ checksum;
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, frames, white, checksum } = self;
        writeln!(f, "{lines}{frames} frames, {white} white pixels: {checksum:016x}")
    }
}

/// FNV-1a (draft-eastlake-fnv) over words of 8 bytes rather than bytes, so that it takes less time than the filters.
fn checksum(frame: &[u8]) -> u64 {
    let (words, rest) = frame.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain(rest.iter().map(|byte| u64::from(*byte)));
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}
