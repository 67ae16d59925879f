//! Loads like CoreMark's (lists, matrices, a state machine, checksums), and like real programs': sorting, hashing, strings, trees.
#![crate_type = "cdylib"]

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

fn random(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

struct Node {
    value: u16,
    index: u16,
    next: Option<Box<Node>>,
}

fn merge_sort(list: Option<Box<Node>>, len: usize, key: fn(&Node) -> u16) -> Option<Box<Node>> {
    if len <= 1 {
        return list;
    }
    let mut left = list;
    let mut at = &mut left;
    for _ in 0..len / 2 {
        at = &mut at.as_mut().expect("long enough").next;
    }
    let right = at.take();
    let mut a = merge_sort(left, len / 2, key);
    let mut b = merge_sort(right, len - len / 2, key);
    let mut merged = None;
    let mut tail = &mut merged;
    loop {
        let take_a = match (&a, &b) {
            (Some(x), Some(y)) => key(x) <= key(y),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => break,
        };
        let from = if take_a { &mut a } else { &mut b };
        let mut node = from.take().expect("not empty");
        *from = node.next.take();
        tail = &mut tail.insert(node).next;
    }
    merged
}

#[unsafe(no_mangle)]
pub extern "C" fn list(rounds: u32) -> u32 {
    let mut seed = 1;
    let mut list: Option<Box<Node>> = None;
    for index in 0..500 {
        list = Some(Box::new(Node { value: random(&mut seed) as u16, index, next: list }));
    }
    let mut sum = 0u32;
    for round in 0..rounds {
        list = merge_sort(list, 500, if round % 2 == 0 { |node| node.value } else { |node| node.index });
        let mut at = &list;
        while let Some(node) = at {
            sum = sum.wrapping_mul(31).wrapping_add(node.value.into());
            at = &node.next;
        }
    }
    sum
}

#[unsafe(no_mangle)]
pub extern "C" fn matrix(rounds: u32) -> u32 {
    const N: usize = 48;
    let mut seed = 7;
    let a: Vec<i16> = (0..N * N).map(|_| random(&mut seed) as i16).collect();
    let b: Vec<i16> = (0..N * N).map(|_| random(&mut seed) as i16).collect();
    let mut c = vec![0i32; N * N];
    for _ in 0..rounds {
        for i in 0..N {
            for j in 0..N {
                let mut sum = 0i32;
                for k in 0..N {
                    sum = sum.wrapping_add(i32::from(a[i * N + k]).wrapping_mul(i32::from(b[k * N + j])));
                }
                c[i * N + j] = c[i * N + j].wrapping_add(sum);
            }
        }
        black_box(&mut c);
    }
    c.iter().fold(0, |sum, x| sum.wrapping_mul(31).wrapping_add(*x as u32))
}

#[unsafe(no_mangle)]
pub extern "C" fn states(rounds: u32) -> u32 {
    let text = b"5012,1234,-874,+122,35.54400,.1234500,-110.700,+0.64400,5.500e+3,-.123e-2,-87e+832,+0.6e-12,T0.3e-1F,-T.T++Tq,1T3.4e4z,34.0e-T^";
    let mut counts = [0u32; 8];
    let mut buffer = text.repeat(16);
    for _ in 0..rounds {
        let mut state = 0;
        for byte in &mut buffer {
            state = match (state, *byte) {
                (_, b',') => 0,
                (0, b'0'..=b'9') | (1, b'0'..=b'9') => 1,
                (0, b'+' | b'-') => 2,
                (1 | 2, b'.') | (0, b'.') => 3,
                (2, b'0'..=b'9') => 1,
                (3, b'0'..=b'9') => 3,
                (3 | 1, b'e') => 4,
                (4, b'+' | b'-') => 5,
                (4 | 5 | 6, b'0'..=b'9') => 6,
                _ => 7,
            };
            counts[state] += 1;
            *byte ^= u8::from(state == 7 && *byte == b'q');
        }
    }
    counts.iter().fold(0, |sum, x| sum.wrapping_mul(31).wrapping_add(*x))
}

#[unsafe(no_mangle)]
pub extern "C" fn crc(rounds: u32) -> u32 {
    let mut table = [0u32; 256];
    for (n, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(n as u32, |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 });
    }
    let table = black_box(table);
    let mut seed = 3;
    let bytes: Vec<u8> = (0..4096).map(|_| random(&mut seed) as u8).collect();
    let mut crc = !0u32;
    for _ in 0..rounds {
        for byte in &bytes {
            crc = table[((crc ^ u32::from(*byte)) & 255) as usize] ^ (crc >> 8);
        }
    }
    crc
}

#[unsafe(no_mangle)]
pub extern "C" fn sort(rounds: u32) -> u32 {
    let mut seed = 5;
    let mut sum = 0u32;
    for _ in 0..rounds {
        let mut numbers: Vec<u32> = (0..2000).map(|_| random(&mut seed)).collect();
        numbers.sort_unstable();
        sum = sum.wrapping_add(numbers[1000]);
    }
    sum
}

#[unsafe(no_mangle)]
pub extern "C" fn words(rounds: u32) -> u32 {
    let text = include_str!("guest.rs");
    let mut sum = 0u32;
    for _ in 0..rounds {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            *counts.entry(word).or_default() += 1;
        }
        let mut sorted: Vec<_> = counts.into_iter().collect();
        sorted.sort();
        sum = sorted.iter().fold(sum, |sum, (word, n)| sum.wrapping_mul(31).wrapping_add(word.len() as u32 * n));
    }
    sum
}

#[unsafe(no_mangle)]
pub extern "C" fn tree(rounds: u32) -> u32 {
    let mut seed = 11;
    let mut tree = BTreeMap::new();
    let mut sum = 0u32;
    for round in 0..rounds {
        tree.insert(random(&mut seed) % 10_000, round);
        if let Some((key, _)) = tree.range(random(&mut seed) % 10_000..).next() {
            let key = *key;
            sum = sum.wrapping_add(key);
            if round % 3 == 0 {
                tree.remove(&key);
            }
        }
    }
    sum
}

#[unsafe(no_mangle)]
pub extern "C" fn format(rounds: u32) -> u32 {
    let mut sum = 0u32;
    for round in 0..rounds {
        let line = format!("{round:>8} {:?} {:.3} {}", (round, "x"), f64::from(round) / 7.0, "tail");
        let parsed: f64 = line.split_whitespace().nth(3).and_then(|word| word.parse().ok()).unwrap_or(0.0);
        sum = sum.wrapping_add(line.len() as u32).wrapping_add(parsed as u32);
    }
    sum
}
