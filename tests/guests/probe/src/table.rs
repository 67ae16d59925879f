//! Handles by number.

/// Things that the host's test names by the index that [`Table::push`] gave them.
pub(crate) struct Table<T> {
    entries: Vec<Option<T>>,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(crate) fn push(&mut self, entry: T) -> u32 {
        let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 entries");
        self.entries.push(Some(entry));
        index
    }

    /// Panics, which traps, if there is no such entry.
    pub(crate) fn get(&self, index: u32) -> &T {
        self.entries[index as usize].as_ref().expect("the entry was dropped")
    }

    /// Panics, which traps, if there is no such entry.
    pub(crate) fn take(&mut self, index: u32) -> T {
        self.entries[index as usize].take().expect("the entry was dropped")
    }
}
