//! Something of each kind, and where it is.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::AtomicU32;

static TABLE: [u32; 3000] = [7; 3000];
static VARIABLE: AtomicU32 = AtomicU32::new(5);
static ZERO: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static LOCAL: Cell<u32> = const { Cell::new(3) };
}

trait Named {
    fn name(&self) -> &'static str;
}

impl Named for u8 {
    fn name(&self) -> &'static str {
        "a byte"
    }
}

/// Prints a line for each: the name, the address.
pub(crate) fn print() {
    let literal = black_box("a literal that the program stores nowhere");
    let named: &dyn Named = black_box(&1_u8);
    assert_eq!(named.name(), "a byte");
    let on_stack = black_box(Cell::new(1_u8));
    let on_heap = black_box(Box::new(1_u8));
    println!("table {}", (&raw const TABLE).addr());
    println!("literal {}", literal.as_ptr().addr());
    println!("variable {}", (&raw const VARIABLE).addr());
    println!("zero {}", (&raw const ZERO).addr());
    println!("local {}", LOCAL.with(|local| (&raw const *local).addr()));
    println!("stack {}", (&raw const on_stack).addr());
    println!("heap {}", (&raw const *on_heap).addr());
}
