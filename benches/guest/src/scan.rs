//! Counting lines, from three places.

use std::fs::File;
use std::io::Read;

use memctl_guest::{MapOptions, Object, WindowBuf};

const ONES: u64 = 0x0101_0101_0101_0101;
const LOWS: u64 = 0x7f * ONES;

/// The newlines in `bytes`, eight bytes at a time.
#[inline(never)]
pub(crate) fn lines(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let lines: u64 = words
        .iter()
        .map(|word| {
            let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'\n'));
            // The top bit of a lane that is not zero.
            let bits = ((differs & LOWS) + LOWS) | differs;
            u64::from((!bits & !LOWS).count_ones())
        })
        .sum();
    lines + rest.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>()
}

pub(crate) fn mapped(path: &str, window: usize, populate: bool) -> u64 {
    let object = Object::from_file(&File::open(path).expect("the file can be opened")).expect("it can be mapped");
    let end = object.len().expect("its length is known");
    let mut buffer = WindowBuf::new(window).expect("memory");
    let (mut counted, mut offset) = (0, 0);
    while offset < end {
        let len = usize::try_from(end - offset).map_or(window, |rest| rest.min(window));
        let options = MapOptions::new().private().offset(offset).len(len);
        let options = if populate { options.populate() } else { options };
        let mapping = options.map_in(buffer, &object).expect("it can be mapped");
        counted += lines(&mapping.read().expect("a private window needs no lease"));
        buffer = mapping.unmap_into_window().expect("it can be unmapped");
        offset += len as u64;
    }
    counted
}

pub(crate) fn read(path: &str, buffer: usize) -> u64 {
    let mut file = File::open(path).expect("the file can be opened");
    let mut buffer = vec![0; buffer];
    let mut counted = 0;
    loop {
        match file.read(&mut buffer).expect("the file can be read") {
            0 => return counted,
            len => counted += lines(&buffer[..len]),
        }
    }
}
