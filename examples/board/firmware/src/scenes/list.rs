//! The scenes of `examples/board/scenes.toml`, with all their bytes in flash.

use crate::sys::image::Image;

/// Guests, and what they share.
pub(crate) struct Scene {
    /// What it is called.
    pub(crate) name: &'static str,
    /// How often each guest runs.
    pub(crate) turns: u32,
    /// Who takes turns, in this order.
    pub(crate) guests: &'static [Guest],
    /// What is published before the first turn.
    pub(crate) objects: &'static [Object],
    /// Heaps that are published before the first turn.
    pub(crate) heaps: &'static [Heap],
    /// Whether it makes sense without regions.
    pub(crate) regions: Regions,
}

/// A program.
pub(crate) struct Guest {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What `memctl compile` made of it. It is run in place.
    pub(crate) image: Image,
}

/// An object that guests open by its name.
pub(crate) struct Object {
    /// The name.
    pub(crate) name: &'static str,
    /// Where its bytes come from.
    pub(crate) bytes: Bytes,
    /// What a device writes there, as many bytes as the object has before each round of turns, until they end.
    pub(crate) feed: &'static [u8],
}

/// Where an object's bytes come from.
pub(crate) enum Bytes {
    /// So many zero bytes, in RAM.
    Zeroes(usize),
    /// The machine's counter, eight bytes.
    Clock,
    /// Bytes in flash, to be read.
    Flash(&'static [u8]),
}

/// A shared heap.
pub(crate) struct Heap {
    /// What guests open it by.
    pub(crate) name: &'static str,
    /// Its bytes at first.
    pub(crate) size: usize,
    /// How many it may grow to.
    pub(crate) max: usize,
}

/// Whether a scene makes sense without regions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regions {
    /// It does.
    Any,
    /// It doesn't: it shows what regions catch.
    On,
}

/// There are scenes of each kind, whichever of them are chosen.
const _: ([Bytes; 3], [Regions; 2]) =
    ([Bytes::Zeroes(0), Bytes::Clock, Bytes::Flash(&[])], [Regions::Any, Regions::On]);

include!(concat!(env!("OUT_DIR"), "/scenes.rs"));
