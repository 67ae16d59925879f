//! Backend without an MMU: a window holds a copy of the object's bytes, which move at coherence points.
//!
//! It needs no hardware, no operating system and no `unsafe`: the embedding lends it a window's bytes as a slice, and
//! an object's as a [`Storage`]. [`Anonymous`] is the storage for objects in memory.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod anonymous;
mod moves;

pub use anonymous::Anonymous;
pub use moves::{hide, publish, refresh, show};

#[cfg(doc)]
use memctl_core::Storage;
