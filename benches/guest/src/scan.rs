//! Scanning text, from three places.

use std::fs::File;
use std::io::Read;

use memctl_guest::Object;
use memctl_guest::bindings::types::Sharing;

use crate::bindings::exports::memctl::bench::runs::Scan;
use crate::count::Counter;
use crate::raw::{How, Room};

const ONES: u64 = 0x0101_0101_0101_0101;
const LOWS: u64 = 0x7f * ONES;

/// The newlines in `bytes`, eight bytes at a time.
#[inline(never)]
fn lines(bytes: &[u8]) -> u64 {
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

/// A scan that goes on.
enum Scanner {
    Lines(u64),
    Wc(Counter),
}

impl Scanner {
    fn new(scan: Scan) -> Self {
        match scan {
            Scan::Lines => Self::Lines(0),
            Scan::Wc => Self::Wc(Counter::default()),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Lines(counted) => *counted += lines(bytes),
            Self::Wc(counter) => counter.feed(bytes),
        }
    }

    fn finish(self) -> u64 {
        match self {
            Self::Lines(counted) => counted,
            Self::Wc(counter) => {
                let counts = counter.finish();
                counts.lines + counts.words + counts.bytes
            }
        }
    }
}

pub(crate) fn all(bytes: &[u8], scan: Scan) -> u64 {
    let mut scanner = Scanner::new(scan);
    scanner.feed(bytes);
    scanner.finish()
}

pub(crate) fn mapped(path: &str, (window, align): (usize, usize), populate: bool, scan: Scan) -> u64 {
    let object = Object::from_file(&File::open(path).expect("the file can be opened")).expect("it can be mapped");
    let end = object.len().expect("its length is known");
    let mut room = Room::new(window, align);
    let (mut scanner, mut offset) = (Scanner::new(scan), 0);
    while offset < end {
        let len = usize::try_from(end - offset).map_or(window, |rest| rest.min(window));
        let how = How { sharing: Sharing::Private, populate, offset };
        room.with(object.as_resource(), len, how, |bytes| scanner.feed(bytes));
        offset += len as u64;
    }
    scanner.finish()
}

pub(crate) fn read(path: &str, buffer: usize, scan: Scan) -> u64 {
    let mut file = File::open(path).expect("the file can be opened");
    let mut buffer = vec![0; buffer];
    let mut scanner = Scanner::new(scan);
    loop {
        match file.read(&mut buffer).expect("the file can be read") {
            0 => return scanner.finish(),
            len => scanner.feed(&buffer[..len]),
        }
    }
}
