//! The kernels of CoreMark, in spirit: a list that is walked, reversed and sorted, small matrices, a state machine over text, and a checksum. What they do is mostly
//! loads and stores at addresses that are computed.

use crate::bindings::exports::memctl::bench::runs::Kernel;

const NODES: usize = 512;
const SIDE: usize = 48;

/// Does one of them `times` times.
#[inline(never)]
pub(crate) fn run(kernel: Kernel, times: u32) -> u64 {
    let mut seed = 1;
    (0..times).fold(0, |sum, _| {
        seed += 1;
        sum ^ match kernel {
            Kernel::Lists => lists(seed),
            Kernel::Matrices => matrices(seed),
            Kernel::States => states(seed),
            Kernel::Checksum => checksum(seed),
        }
    })
}

fn random(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *state >> 8
}

struct Node {
    value: u32,
    next: Option<Box<Node>>,
}

/// Nodes of the heap, linked: reversed, walked, and sorted by merging.
fn lists(mut seed: u32) -> u64 {
    let mut head = None;
    for _ in 0..NODES {
        head = Some(Box::new(Node { value: random(&mut seed) % 1000, next: head }));
    }
    for _ in 0..8 {
        head = reversed(head);
    }
    let head = sorted(head, NODES);
    let (mut at, mut sum) = (head.as_deref(), 0_u64);
    while let Some(node) = at {
        sum = sum.wrapping_mul(31).wrapping_add(node.value.into());
        at = node.next.as_deref();
    }
    sum
}

fn reversed(mut head: Option<Box<Node>>) -> Option<Box<Node>> {
    let mut done = None;
    while let Some(mut node) = head {
        head = node.next.take();
        node.next = done;
        done = Some(node);
    }
    done
}

fn sorted(head: Option<Box<Node>>, len: usize) -> Option<Box<Node>> {
    if len < 2 {
        return head;
    }
    let (mut first, mut rest) = (head, None);
    let mut at = first.as_mut();
    for _ in 1..len / 2 {
        at = at.and_then(|node| node.next.as_mut());
    }
    if let Some(node) = at {
        rest = node.next.take();
    }
    let (mut a, mut b) = (sorted(first.take(), len / 2), sorted(rest, len - len / 2));
    let (mut merged, mut from) = (None, None::<Box<Node>>);
    loop {
        let next = match (a.take(), b.take()) {
            (Some(mut x), Some(y)) if x.value <= y.value => {
                (a, b) = (x.next.take(), Some(y));
                x
            }
            (x, Some(mut y)) => {
                (a, b) = (x, y.next.take());
                y
            }
            (Some(mut x), None) => {
                a = x.next.take();
                x
            }
            (None, None) => break,
        };
        let mut next = next;
        next.next = from.take();
        from = Some(next);
    }
    // It was put together backwards.
    while let Some(mut node) = from {
        from = node.next.take();
        node.next = merged;
        merged = Some(node);
    }
    merged
}

/// A product of matrices of 16-bit numbers.
fn matrices(mut seed: u32) -> u64 {
    let mut fill = || -> Vec<i16> { (0..SIDE * SIDE).map(|_| random(&mut seed).to_le_bytes()[0].into()).collect() };
    let (a, b) = (fill(), fill());
    let mut product = vec![0_i32; SIDE * SIDE];
    for row in 0..SIDE {
        for column in 0..SIDE {
            for at in 0..SIDE {
                product[row * SIDE + column] += i32::from(a[row * SIDE + at]) * i32::from(b[at * SIDE + column]);
            }
        }
    }
    product.iter().fold(0, |sum, value| u64::wrapping_add(sum, u64::from(value.cast_unsigned())))
}

/// Numbers in a text, told apart by a table of states.
fn states(mut seed: u32) -> u64 {
    const KINDS: &[u8; 8] = b"0123.+e,";
    let text: Vec<u8> = (0..4096).map(|_| KINDS[random(&mut seed) as usize % KINDS.len()]).collect();
    let mut counts = [0_u32; 8];
    let mut state = 0_usize;
    for byte in &text {
        state = match (state, byte) {
            (_, b',') => 0,
            (0, b'+') => 1,
            (0..=2, b'0'..=b'9') => 2,
            (2, b'.') => 3,
            (3 | 4, b'0'..=b'9') => 4,
            (2 | 4, b'e') => 5,
            (5 | 6, b'0'..=b'9') => 6,
            _ => 7,
        };
        counts[state] += 1;
    }
    counts.iter().fold(0, |sum, count| sum * 7 + u64::from(*count))
}

/// CRC-16 of some bytes, by a table.
fn checksum(mut seed: u32) -> u64 {
    let mut table = [0_u16; 256];
    for (at, entry) in (0_u16..).zip(&mut table) {
        *entry = (0..8).fold(at, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xa001 } else { crc >> 1 });
    }
    let bytes: Vec<u8> = (0..4096).map(|_| random(&mut seed).to_le_bytes()[0]).collect();
    let crc = bytes.iter().fold(0_u16, |crc, byte| {
        let [low, _] = crc.to_le_bytes();
        crc >> 8 ^ table[usize::from(low ^ byte)]
    });
    crc.into()
}
