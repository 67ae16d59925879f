//! The scenes of `examples/board/scenes.toml`, with all their bytes in flash.

/// Guests, and what they share.
pub struct Scene {
    /// What it is called.
    pub name: &'static str,
    /// How often each guest runs.
    pub turns: u32,
    /// Who takes turns, in this order.
    pub guests: &'static [Guest],
    /// What is published before the first turn.
    pub objects: &'static [Object],
    /// Heaps that are published before the first turn.
    pub heaps: &'static [Heap],
    /// Whether it makes sense without regions.
    pub regions: Regions,
}

/// A program.
pub struct Guest {
    /// What it is called.
    pub name: &'static str,
    /// What `memctl compile` made of it. It is run in place.
    pub image: &'static [u8],
}

/// An object that guests open by its name.
pub struct Object {
    /// The name.
    pub name: &'static str,
    /// Where its bytes come from.
    pub bytes: Bytes,
}

/// Where an object's bytes come from.
pub enum Bytes {
    /// So many zero bytes, in RAM.
    Zeroes(usize),
    /// Bytes in flash, to be read.
    Flash(&'static [u8]),
    /// A device that gives these bytes, one after another.
    Device(&'static [u8]),
}

/// A shared heap.
pub struct Heap {
    /// What guests open it by.
    pub name: &'static str,
    /// Its bytes at first.
    pub size: usize,
    /// How many it may grow to.
    pub max: usize,
}

/// Whether a scene makes sense without regions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Regions {
    /// It does.
    Any,
    /// It doesn't: it shows what regions catch.
    On,
}

/// The engine reads an image in place, by words; windows show objects from granules on.
#[repr(C, align(32))]
struct Aligned<T: ?Sized>(T);

include!(concat!(env!("OUT_DIR"), "/scenes.rs"));
