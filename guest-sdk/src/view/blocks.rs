//! Going through a view in blocks.

use alloc::vec::Vec;

use super::{View, slice};
use crate::Result;

/// The blocks of a view, lent one after the other. Made by [`View::blocks`].
///
/// It is no [`Iterator`], since each block is gone when the next one is asked for.
///
/// ```
/// use memctl_guest::View;
///
/// let bytes = [7_u8; 10];
/// let (mut blocks, mut lengths) = (bytes[..].blocks(4), Vec::new());
/// while let Some(block) = blocks.next()? {
///     lengths.push(block.len());
/// }
/// assert_eq!(lengths, [4, 4, 2]);
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "blocks are read when they are asked for"]
pub struct Blocks<'a, V: ?Sized> {
    view: &'a V,
    at: u64,
    len: usize,
    // Empty until a block had to be copied; then at least as long as a block.
    buffer: Vec<u8>,
}

impl<'a, V: View + ?Sized> Blocks<'a, V> {
    pub(super) fn new(view: &'a V, len: usize) -> Self {
        assert_ne!(len, 0, "a block is not empty");
        Self { view, at: 0, len, buffer: Vec::new() }
    }

    /// Where in the view the next block starts.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// Goes on at `offset` of the view.
    pub fn skip_to(&mut self, offset: u64) {
        self.at = offset;
    }

    /// The next block, shorter than the others if it is the last; `None` at the end.
    ///
    /// # Errors
    /// What reading the view says. The same block is next then.
    #[expect(clippy::should_implement_trait, reason = "a block is lent, which an iterator can't do")]
    pub fn next(&mut self) -> Result<Option<&[u8]>> {
        let rest = self.view.size().saturating_sub(self.at);
        let len = usize::try_from(rest).map_or(self.len, |rest| rest.min(self.len));
        if len == 0 {
            return Ok(None);
        }
        let end = self.at + len as u64;
        let block = match self.view.as_slice() {
            Some(bytes) => slice(bytes, &(self.at..end))?,
            None => {
                self.buffer.resize(self.buffer.len().max(len), 0);
                self.view.read_at(self.at, &mut self.buffer[..len])?;
                &self.buffer[..len]
            }
        };
        self.at = end;
        Ok(Some(block))
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    fn collected(view: &(impl View + ?Sized), len: usize) -> Vec<Vec<u8>> {
        let (mut blocks, mut all) = (view.blocks(len), Vec::new());
        while let Some(block) = blocks.next().expect("inside the view") {
            all.push(block.to_vec());
        }
        all
    }

    #[test]
    fn blocks_are_the_same_whether_they_are_lent_or_copied() {
        let mut bytes: Vec<u8> = (0..100).collect();
        for len in [1, 7, 99, 100, 101] {
            let lent = collected(&bytes[..], len);
            assert_eq!(lent.concat(), bytes);
            let cells = Cell::from_mut(&mut bytes[..]).as_slice_of_cells();
            assert_eq!(collected(cells, len), lent);
        }
        assert!(collected(&[0_u8; 0][..], 4).is_empty());
    }

    #[test]
    fn blocks_go_on_where_they_are_told_to() {
        let bytes = [1_u8, 2, 3, 4, 5];
        let mut blocks = bytes[..].blocks(2);
        blocks.skip_to(3);
        assert_eq!(blocks.next(), Ok(Some(&[4, 5][..])));
        assert_eq!(blocks.offset(), 5);
        blocks.skip_to(u64::MAX);
        assert_eq!(blocks.next(), Ok(None));
    }
}
