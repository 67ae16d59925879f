//! Frames of 1 MiB: a byte of brightness for each of 1024 × 1024 pixels.

/// Pixels in a row.
pub const WIDTH: usize = 1024;

/// Bytes in a frame.
pub const LEN: usize = WIDTH * 1024;

/// What the camera sees: bright stripes that move, and noise, the same in every run.
pub fn expose(frame: &mut [u8], sequence: u32) {
    let mut noise = sequence.wrapping_mul(0x9e37_79b9) | 1;
    for (row, y) in frame.chunks_exact_mut(WIDTH).zip(0_u32..) {
        for (pixel, x) in row.iter_mut().zip(0_u32..) {
            // xorshift32 (Marsaglia, 2003)
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let stripe = (x + y / 2 + 8 * sequence) & 0x80;
            *pixel = (stripe + (noise & 0x3f)).to_le_bytes()[0];
        }
    }
}

/// The mean of each pixel and its eight neighbours. Pixels at the rim stay.
pub fn blur(frame: &mut [u8]) {
    in_place(frame, |above, row, below, x| {
        let three = |row: &[u8; WIDTH]| u32::from(row[x - 1]) + u32::from(row[x]) + u32::from(row[x + 1]);
        ((three(above) + three(row) + three(below)) / 9).to_le_bytes()[0]
    });
}

/// White where brightness changes much, and black elsewhere: Sobel's operator and a threshold. Pixels at the rim stay.
pub fn edge(frame: &mut [u8]) {
    const THRESHOLD: u32 = 128;
    in_place(frame, |above, row, below, x| {
        let at = |row: &[u8; WIDTH], x: usize| i32::from(row[x]);
        let column = |x| at(above, x) + 2 * at(row, x) + at(below, x);
        let line = |row| at(row, x - 1) + 2 * at(row, x) + at(row, x + 1);
        let across = column(x + 1) - column(x - 1);
        let down = line(below) - line(above);
        if across.unsigned_abs() + down.unsigned_abs() > THRESHOLD { 0xff } else { 0 }
    });
}

/// Replaces each pixel that has eight neighbours by what `pixel` makes of the three rows around it as they were.
fn in_place(frame: &mut [u8], pixel: impl Fn(&[u8; WIDTH], &[u8; WIDTH], &[u8; WIDTH], usize) -> u8) {
    let (rows, _) = frame.as_chunks_mut::<WIDTH>();
    let Some((mut above, mut row)) = rows.first().copied().zip(rows.get(1).copied()) else { return };
    for y in 1..rows.len().saturating_sub(1) {
        let below = rows[y + 1];
        for (x, to) in rows[y].iter_mut().enumerate().take(WIDTH - 1).skip(1) {
            *to = pixel(&above, &row, &below, x);
        }
        (above, row) = (row, below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_frame_stays_as_it_is_and_has_no_edges() {
        let mut frame = vec![7; LEN];
        blur(&mut frame);
        assert!(frame.iter().all(|pixel| *pixel == 7));
        edge(&mut frame);
        assert_eq!(frame.iter().filter(|pixel| **pixel == 0xff).count(), 0);
    }

    #[test]
    fn a_step_is_an_edge() {
        let mut frame = vec![0; LEN];
        for row in frame.chunks_exact_mut(WIDTH) {
            row[WIDTH / 2..].fill(200);
        }
        edge(&mut frame);
        assert_eq!(frame.iter().filter(|pixel| **pixel == 0xff).count(), 2 * (LEN / WIDTH - 2));
    }
}
