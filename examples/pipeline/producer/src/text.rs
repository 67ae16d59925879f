//! Text that looks like words, the same for every run.

const WORDS: [&[u8]; 16] = [
    b"window ",
    b"object ",
    b"granule ",
    b"lease ",
    b"mapping ",
    b"domain ",
    b"alias ",
    b"copy ",
    b"shared ",
    b"private ",
    b"publish ",
    b"refresh ",
    b"sync\n",
    b"protection ",
    b"coherence ",
    b"transfer\n",
];

/// Fills `frame` with the text that belongs to frame number `sequence`.
pub(crate) fn fill(frame: &mut [u8], sequence: u64) {
    // xorshift64, seeded so that no two frames are alike and the state is never 0.
    let mut state = (sequence + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut rest = frame;
    while !rest.is_empty() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let word = WORDS[(state >> 60) as usize];
        let (head, tail) = rest.split_at_mut(word.len().min(rest.len()));
        head.copy_from_slice(&word[..head.len()]);
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn a_frame_depends_on_its_number_only() {
        let mut frames = [[0; 100]; 3];
        for (frame, sequence) in frames.iter_mut().zip([0, 0, 1]) {
            fill(frame, sequence);
        }
        assert_eq!(frames[0], frames[1]);
        assert_ne!(frames[0], frames[2]);
    }

    #[test]
    fn a_shorter_frame_is_the_start_of_a_longer_one() {
        let (mut short, mut long) = ([0; 33], [0; 100]);
        fill(&mut short, 7);
        fill(&mut long, 7);
        assert_eq!(short, long[..33]);
    }
}
