//! What is known of a byte: what it must be, or at least what it can be.

use memctl_core::ObjectId;

/// Values that were ever stored in a place. Zero always was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values([u64; 4]);

impl Values {
    fn insert(&mut self, value: u8) {
        self.0[usize::from(value / 64)] |= 1 << (value % 64);
    }

    fn contains(self, value: u8) -> bool {
        value == 0 || self.0[usize::from(value / 64)] & (1 << (value % 64)) != 0
    }
}

/// What a load may give.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known {
    Exactly(u8),
    /// Somebody broke the rules, or a device failed: still nothing that nobody wrote there.
    Among(Values),
}

impl Known {
    pub(super) fn allows(self, value: u8) -> bool {
        match self {
            Self::Exactly(known) => value == known,
            Self::Among(values) => values.contains(value),
        }
    }
}

/// One byte of an object.
#[derive(Clone, Copy, Debug, Default)]
struct Byte {
    value: u8,
    /// Somebody broke the rules here, or a device failed.
    doubtful: bool,
    written: Values,
}

/// An object's bytes.
#[derive(Clone, Debug)]
pub(super) struct Object {
    /// Those that there were at any time, and what was stored past the end.
    bytes: Vec<Byte>,
    pub(super) size: u64,
}

impl Object {
    pub(super) fn new(size: u64) -> Self {
        Self { bytes: Vec::new(), size }
    }

    fn byte(&mut self, offset: u64) -> &mut Byte {
        let offset = super::at(offset);
        if self.bytes.len() <= offset {
            self.bytes.resize(offset + 1, Byte::default());
        }
        &mut self.bytes[offset]
    }

    /// A store that keeps to the rules.
    pub(super) fn store(&mut self, offset: u64, value: u8) {
        let inside = offset < self.size;
        let byte = self.byte(offset);
        byte.written.insert(value);
        if inside {
            byte.value = value;
        }
    }

    /// A store that may be seen or not.
    pub(super) fn store_carelessly(&mut self, offset: u64, value: u8) {
        let byte = self.byte(offset);
        byte.written.insert(value);
        byte.doubtful = true;
    }

    /// From now on nobody can tell what the byte is.
    pub(super) fn doubt(&mut self, offset: u64) {
        self.byte(offset).doubtful = true;
    }

    pub(super) fn doubt_all(&mut self) {
        for offset in 0..self.size {
            self.doubt(offset);
        }
    }

    pub(super) fn resize(&mut self, size: u64) {
        for byte in self.bytes.iter_mut().skip(super::at(self.size.min(size))) {
            byte.value = 0;
        }
        self.size = size;
    }

    /// What the byte is for who may look at it.
    pub(super) fn known(&self, offset: u64) -> Known {
        let byte = self.bytes.get(super::at(offset)).copied().unwrap_or_default();
        if byte.doubtful || offset >= self.size { Known::Among(byte.written) } else { Known::Exactly(byte.value) }
    }

    /// What the byte can be for who may not.
    pub(super) fn possible(&self, offset: u64) -> Known {
        Known::Among(self.bytes.get(super::at(offset)).copied().unwrap_or_default().written)
    }
}

/// A place in an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) object: ObjectId,
    pub(super) offset: u64,
}
