//! What ordinary programs do.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::sync::{LazyLock, Mutex};

use memctl_guest::protection;

static COUNTS: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
static SQUARES: LazyLock<Vec<u64>> = LazyLock::new(|| (0..100).map(|n| n * n).collect());

thread_local! {
    static NAMES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn all() {
    let text = "the quick brown fox jumps over the lazy dog and the cat";
    for word in text.split(' ') {
        *COUNTS.lock().expect("nobody panicked").entry(word.to_owned()).or_default() += 1;
        NAMES.with_borrow_mut(|names| names.push(word.to_uppercase()));
    }
    println!("{:?}", COUNTS.lock().expect("nobody panicked"));
    NAMES.with_borrow(|names| println!("{}", names.join("-")));

    let hashed: HashMap<u64, u64> = SQUARES.iter().map(|square| (*square, square / 2)).collect();
    println!("{} {}", hashed.len(), hashed.values().sum::<u64>());

    let mut large = vec![1_u8; 3 << 20];
    large.extend(std::iter::repeat_n(2, 2 << 20));
    large.rotate_left(1 << 20);
    let mut lines = String::new();
    for (at, chunk) in large.chunks(1 << 20).enumerate() {
        writeln!(lines, "{at:>4}: {:08x} {:.3e}", chunk.iter().map(|&byte| u32::from(byte)).sum::<u32>(), 1.0 / 3.0)
            .expect("a string takes everything");
    }
    print!("{lines}");
    println!("{:?} {:?}", "12x".parse::<u32>(), std::env::var("NOT_THERE"));
    println!("{:?}", std::fs::read("/not/there").map_err(|error| error.kind()));
}

/// Never returns: the stack ends.
pub(crate) fn recurse() -> io::Result<()> {
    #[expect(unconditional_recursion, reason = "that is what it is for")]
    fn deeper(depth: u64) -> u64 {
        let local = black_box([depth; 64]);
        deeper(depth + 1) + local[0]
    }

    protection::guard_stack()?;
    println!("guarded");
    println!("{}", deeper(0));
    Ok(())
}

pub(crate) fn discard() -> io::Result<()> {
    let mut bytes = vec![1_u8; 1 << 20];
    protection::discard(&mut bytes[1..(1 << 20) - 1])?;
    println!("{} {:?} {:?}", bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>(), bytes.first(), bytes.last());
    bytes.fill(3);
    println!("{}", bytes.iter().map(|&byte| u32::from(byte)).sum::<u32>());
    Ok(())
}
