//! A mapping that stays, and plain memory to compare it with.

use std::hint::black_box;

use memctl_guest::{MapOptions, MappingMut, Object};

use crate::sum;

/// A shared mapping, and a buffer of the same length.
pub(crate) struct Kept {
    mapping: MappingMut,
    automatic: bool,
    plain: Vec<u8>,
}

impl Kept {
    pub(crate) fn new(object: &Object, len: usize, automatic: bool) -> Self {
        let options = MapOptions::new().len(len).populate();
        let options = if automatic { options.automatic() } else { options.leased() };
        let mut mapping = options.map_mut(object).expect("it can be mapped");
        if automatic {
            let cells = mapping.cells().expect("an automatic mapping");
            cells[0].set(1);
        }
        Self { mapping, automatic, plain: vec![1; len] }
    }

    pub(crate) fn sum_window(&self, times: u32) -> u64 {
        assert!(!self.automatic, "read under a lease");
        let bytes = self.mapping.read().expect("nobody else has a lease");
        (0..times).fold(0, |all, _| u64::wrapping_add(all, sum(black_box(&bytes))))
    }

    pub(crate) fn sum_plain(&self, times: u32) -> u64 {
        (0..times).fold(0, |all, _| u64::wrapping_add(all, sum(black_box(&self.plain))))
    }

    /// Under a lease.
    pub(crate) fn read(&self, all: bool) -> u64 {
        let bytes = self.mapping.read().expect("nobody else has a lease");
        let sum = if all { sum(&bytes) } else { 0 };
        bytes.release().expect("it held until now");
        sum
    }

    /// Stores to the first byte, under a lease on all.
    pub(crate) fn write(&mut self) {
        let mut bytes = self.mapping.write().expect("nobody else has a lease");
        bytes[0] = bytes[0].wrapping_add(1);
        bytes.release().expect("it held until now");
    }

    /// The plain memory, after a store to its first byte.
    pub(crate) fn plain_written(&mut self) -> &[u8] {
        self.plain[0] = self.plain[0].wrapping_add(1);
        &self.plain
    }
}
