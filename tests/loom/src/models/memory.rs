//! Bytes that a protocol keeps apart: two uses at once, or one that doesn't see the other, end the model.

use loom::cell::UnsafeCell;
use loom::sync::Arc;

/// Some bytes.
#[derive(Clone)]
pub(super) struct Memory(Arc<UnsafeCell<()>>);

impl Memory {
    pub(super) fn new() -> Self {
        Self(Arc::new(UnsafeCell::new(())))
    }

    /// A use beside which others may read.
    pub(super) fn read(&self) {
        self.0.with(|_bytes| ());
    }

    /// A use beside which nobody else may be.
    pub(super) fn write(&self) {
        self.0.with_mut(|_bytes| ());
    }
}
