//! Times [`memctl_core::space`] and the libraries of its kind on the same random programs, side by side.
//!
//! `cargo run --release -p memctl-core --example space`
//!
//! `offset-allocator` knows no alignment: where there is one it is asked for so much more that some multiple lies inside.

mod sys;

use std::time::Instant;

use memctl_core::space::{Node, Space};
use offset_allocator::Allocation;

/// In bytes.
const HEAP: u64 = 64 << 20;
const UNIT: u64 = 16;
/// How often each program runs; all allocators run once before any runs again, so that they share what else the host does.
const ROUNDS: usize = 15;

/// What all of them can do.
trait Allocator {
    type Block;
    fn alloc(&mut self, len: u64, align: u64) -> Option<Self::Block>;
    fn free(&mut self, block: Self::Block);
}

impl Allocator for Space {
    type Block = Node;

    fn alloc(&mut self, len: u64, align: u64) -> Option<Node> {
        self.alloc(len, align).map(|placed| placed.node)
    }

    fn free(&mut self, node: Node) {
        self.free(node);
    }
}

impl Allocator for offset_allocator::Allocator {
    type Block = Allocation;

    fn alloc(&mut self, len: u64, align: u64) -> Option<Allocation> {
        self.allocate(u32::try_from((len.div_ceil(UNIT) * UNIT + align.saturating_sub(UNIT)) / UNIT).ok()?)
    }

    fn free(&mut self, block: Allocation) {
        self.free(block);
    }
}

/// A place to put a range, and which range. A place that has one gives it back instead.
struct Step {
    place: usize,
    len: u64,
}

/// Ranges of up to `longest` bytes, as many below each power of two, in so many places.
struct Program {
    name: &'static str,
    align: u64,
    places: usize,
    steps: Vec<Step>,
}

impl Program {
    fn new(name: &'static str, align: u64, places: usize, len: impl Fn(u64) -> u64) -> Self {
        // Knuth's MMIX generator: the same steps on every run.
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let place = |random| usize::try_from(random).expect("31 bits") % places;
        let steps = (0..400_000).map(|_| Step { place: place(random()), len: len(random()) }).collect();
        Self { name, align, places, steps }
    }

    /// Nanoseconds for one range taken and given back, and how many times there was no room.
    fn run<A: Allocator>(&self, allocator: &mut A) -> (f64, u64) {
        let mut places: Vec<Option<A::Block>> = (0..self.places).map(|_| None).collect();
        let mut given = 0_u32;
        let mut refused = 0;
        let start = Instant::now();
        for step in &self.steps {
            let place = &mut places[step.place];
            match place.take() {
                Some(block) => allocator.free(block),
                None => match allocator.alloc(step.len, self.align) {
                    Some(block) => {
                        given += 1;
                        *place = Some(block);
                    }
                    None => refused += 1,
                },
            }
        }
        for block in places.into_iter().flatten() {
            allocator.free(block);
        }
        (start.elapsed().as_secs_f64() * 1e9 / f64::from(given), refused)
    }
}

/// One allocator's rounds of one program.
#[derive(Default)]
struct Times {
    nanoseconds: Vec<f64>,
    refused: u64,
}

impl Times {
    fn add(&mut self, (nanoseconds, refused): (f64, u64)) {
        self.nanoseconds.push(nanoseconds);
        self.refused = refused;
    }

    fn median(&mut self) -> f64 {
        self.nanoseconds.sort_by(f64::total_cmp);
        self.nanoseconds[self.nanoseconds.len() / 2]
    }
}

fn main() {
    let any_length = |random: u64| 1 + random % (16 << ((random >> 16) % 12));
    let programs = [
        Program::new("1 B to 32 KiB", 1, 8_000, any_length),
        Program::new("the same, 4 KiB aligned", 4096, 6_000, any_length),
        Program::new("frames of 1,382,400 B", 4096, 40, |_| 1_382_400),
    ];
    let names = ["space", "offset-allocator", "rlsf", "talc"];
    println!(
        "{HEAP} bytes, units of {UNIT}; ns for one range taken and given back (median of {ROUNDS}), ratio, refused"
    );
    print!("{:<26}", "");
    for name in names {
        print!("{name:>28}");
    }
    println!();
    for program in &programs {
        let mut space = Space::new(HEAP, UNIT);
        let mut offsets = offset_allocator::Allocator::new(u32::try_from(HEAP / UNIT).expect("a small heap"));
        let mut rlsf = sys::Rlsf::new(HEAP);
        let mut talc = sys::Talc::new(HEAP);
        let mut times: [Times; 4] = Default::default();
        for _ in 0..ROUNDS {
            times[0].add(program.run(&mut space));
            times[1].add(program.run(&mut offsets));
            times[2].add(program.run(&mut rlsf));
            times[3].add(program.run(&mut talc));
        }
        let ours = times[0].median();
        print!("{:<26}", program.name);
        for times in &mut times {
            let median = times.median();
            print!("{:>14.1} {:>5.2} {:>7}", median, median / ours, times.refused);
        }
        println!();
    }
}
