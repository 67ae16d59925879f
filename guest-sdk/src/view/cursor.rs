//! A place in a view that moves on.

use alloc::vec::Vec;

use super::{View, ViewMut};
use crate::Result;

/// Bytes that are read ahead for `BufRead`.
#[cfg(feature = "std")]
const AHEAD: usize = 8 << 10;

/// A place in a view that moves on as bytes are read or written. With the feature `std` it is `Read`, `BufRead`, `Seek` and, over a [`ViewMut`],
/// `Write`.
///
/// ```
/// use std::io::{BufRead, Read, Seek, SeekFrom, Write};
/// use memctl_guest::{Cursor, View};
///
/// let mut bytes = *b"one\ntwo\n....";
/// let mut cursor = Cursor::new(&mut bytes[..]);
/// cursor.seek(SeekFrom::End(-4))?;
/// cursor.write_all(b"last")?;
/// cursor.seek(SeekFrom::Start(4))?;
/// let lines: Vec<_> = cursor.lines().collect::<Result<_, _>>()?;
/// assert_eq!(lines, ["two", "last"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Cursor<V> {
    view: V,
    at: u64,
    // Bytes of the view from `at` on, in `ahead[used..]`. Only `BufRead` puts some here.
    ahead: Vec<u8>,
    used: usize,
}

impl<V: View> Cursor<V> {
    /// At the view's beginning.
    pub fn new(view: V) -> Self {
        Self { view, at: 0, ahead: Vec::new(), used: 0 }
    }

    /// Where the next byte is read or written, in bytes from the view's beginning.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Goes somewhere else, possibly past the end.
    pub fn set_position(&mut self, at: u64) {
        self.forget_ahead();
        self.at = at;
    }

    /// The view.
    #[must_use]
    pub fn get_ref(&self) -> &V {
        &self.view
    }

    /// The view.
    #[must_use]
    pub fn into_inner(self) -> V {
        self.view
    }

    /// Reads as many bytes as there are, at most `bytes.len()`, and says how many.
    ///
    /// # Errors
    /// What reading the view says.
    pub fn read_some(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let ahead = &self.ahead[self.used..];
        if !ahead.is_empty() {
            let len = ahead.len().min(bytes.len());
            bytes[..len].copy_from_slice(&ahead[..len]);
            self.pass(len);
            return Ok(len);
        }
        let len = self.within(bytes.len());
        if len > 0 {
            self.view.read_at(self.at, &mut bytes[..len])?;
            self.at += len as u64;
        }
        Ok(len)
    }

    /// `len`, or as many bytes as there are.
    fn within(&self, len: usize) -> usize {
        usize::try_from(self.view.size().saturating_sub(self.at)).map_or(len, |rest| rest.min(len))
    }

    fn forget_ahead(&mut self) {
        self.ahead.clear();
        self.used = 0;
    }

    /// The bytes from here on that were read already; reads some if there are none.
    #[cfg(feature = "std")]
    fn look_ahead(&mut self) -> Result<&[u8]> {
        if self.used == self.ahead.len() {
            self.forget_ahead();
            let len = self.within(AHEAD);
            self.ahead.resize(len, 0);
            if len > 0
                && let Err(error) = self.view.read_at(self.at, &mut self.ahead)
            {
                self.forget_ahead();
                return Err(error);
            }
        }
        Ok(&self.ahead[self.used..])
    }

    /// `len` bytes that were read already were used.
    fn pass(&mut self, len: usize) {
        let len = len.min(self.ahead.len() - self.used);
        self.used += len;
        self.at += len as u64;
    }
}

impl<V: ViewMut> Cursor<V> {
    /// Writes as many bytes as fit, and says how many.
    ///
    /// # Errors
    /// What writing the view says.
    pub fn write_some(&mut self, bytes: &[u8]) -> Result<usize> {
        self.forget_ahead();
        let len = self.within(bytes.len());
        if len > 0 {
            self.view.write_at(self.at, &bytes[..len])?;
            self.at += len as u64;
        }
        Ok(len)
    }
}

#[cfg(feature = "std")]
mod io {
    //! A cursor as `std::io` knows them.

    use std::io::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};

    use super::Cursor;
    use crate::{View, ViewMut};

    impl<V: View> Read for Cursor<V> {
        fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
            Ok(self.read_some(bytes)?)
        }
    }

    impl<V: View> BufRead for Cursor<V> {
        fn fill_buf(&mut self) -> Result<&[u8]> {
            Ok(self.look_ahead()?)
        }

        fn consume(&mut self, len: usize) {
            self.pass(len);
        }
    }

    impl<V: View> Seek for Cursor<V> {
        fn seek(&mut self, to: SeekFrom) -> Result<u64> {
            let at = match to {
                SeekFrom::Start(at) => Some(at),
                SeekFrom::End(by) => self.view.size().checked_add_signed(by),
                SeekFrom::Current(by) => self.at.checked_add_signed(by),
            };
            let at = at.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "a seek to before the beginning"))?;
            self.set_position(at);
            Ok(at)
        }
    }

    impl<V: ViewMut> Write for Cursor<V> {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            Ok(self.write_some(bytes)?)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use std::string::String;
        use std::vec::Vec;

        use super::*;

        #[test]
        fn a_cursor_reads_writes_and_seeks_as_that_of_std_does() {
            let mut ours: Vec<u8> = (0..=255).cycle().take(20_000).collect();
            let mut theirs = ours.clone();
            let (mut a, mut b) = (Cursor::new(&mut ours[..]), std::io::Cursor::new(&mut theirs[..]));
            let mut line = (Vec::new(), Vec::new());
            for step in 0..200_u64 {
                let to = SeekFrom::Start(step * 7919 % 20_500);
                assert_eq!(a.seek(to).expect("seeks"), b.seek(to).expect("seeks"));
                let (mut from_a, mut from_b) = ([0; 100], [0; 100]);
                assert_eq!(a.read(&mut from_a).expect("reads"), b.read(&mut from_b).expect("reads"));
                assert_eq!(from_a, from_b);
                line.0.clear();
                line.1.clear();
                a.read_until(200, &mut line.0).expect("reads");
                b.read_until(200, &mut line.1).expect("reads");
                assert_eq!(line.0, line.1);
                let by = SeekFrom::Current(-50);
                assert_eq!(a.seek(by).ok(), b.seek(by).ok());
                assert_eq!(a.write(&[200; 30]).expect("writes"), b.write(&[200; 30]).expect("writes"));
                assert_eq!(a.read(&mut from_a).expect("reads"), b.read(&mut from_b).expect("reads"));
                assert_eq!(from_a, from_b);
            }
            assert_eq!(ours, theirs);
        }

        #[test]
        fn past_the_end_there_is_nothing() {
            let mut cursor = Cursor::new(&b"abc"[..]);
            cursor.seek(SeekFrom::Start(10)).expect("seeks");
            let mut rest = String::new();
            assert_eq!(cursor.read_to_string(&mut rest).expect("reads"), 0);
            assert_eq!(cursor.fill_buf().expect("reads"), b"");
            assert!(cursor.seek(SeekFrom::Current(-11)).is_err());
            assert_eq!(cursor.position(), 10);
        }
    }
}
