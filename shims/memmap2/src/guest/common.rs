//! What all three kinds of maps can do, with the same words.

/// `advise` and its kin, `lock`, `unlock` and `remap`.
macro_rules! advisable {
    () => {
        /// Advice on the whole map.
        ///
        /// # Errors
        /// As `madvise(2)`; see [`Advice`].
        pub fn advise(&self, advice: Advice) -> io::Result<()> {
            self.place.advise(advice, 0, self.place.len())
        }

        /// Advice on the whole map that may change its bytes.
        ///
        /// # Safety
        /// No reference to the bytes is alive that counts on what is there.
        ///
        /// # Errors
        /// As `madvise(2)`; see [`UncheckedAdvice`].
        pub unsafe fn unchecked_advise(&self, advice: UncheckedAdvice) -> io::Result<()> {
            self.place.unchecked_advise(advice, 0, self.place.len())
        }

        /// Advice on `len` bytes from `offset` on.
        ///
        /// # Errors
        /// As `madvise(2)`; see [`Advice`].
        pub fn advise_range(&self, advice: Advice, offset: usize, len: usize) -> io::Result<()> {
            self.place.advise(advice, offset, len)
        }

        /// Advice on `len` bytes from `offset` on that may change them, and what else is in their granules.
        ///
        /// # Safety
        /// No reference to the bytes is alive that counts on what is there.
        ///
        /// # Errors
        /// As `madvise(2)`; see [`UncheckedAdvice`].
        pub unsafe fn unchecked_advise_range(
            &self,
            advice: UncheckedAdvice,
            offset: usize,
            len: usize,
        ) -> io::Result<()> {
            self.place.unchecked_advise(advice, offset, len)
        }

        /// Keeps the map in memory, as far as that is a guest's to say: does nothing.
        ///
        /// # Errors
        /// None.
        pub fn lock(&self) -> io::Result<()> {
            Ok(())
        }

        /// Takes [`lock`](Self::lock) back.
        ///
        /// # Errors
        /// None.
        pub fn unlock(&self) -> io::Result<()> {
            Ok(())
        }

        /// Changes the length, as `mremap(2)`.
        ///
        /// # Safety
        /// See [`map`](crate::MmapOptions::map). If the map may move, no pointer into it is used afterwards.
        ///
        /// # Errors
        /// [`ErrorKind::OutOfMemory`](std::io::ErrorKind::OutOfMemory) if it would have to move and may not; [`ErrorKind::ResourceBusy`](std::io::ErrorKind::ResourceBusy) if it
        /// would have to move, and other maps of these bytes would stay behind; those of mapping. The map is as it was then.
        pub unsafe fn remap(&mut self, new_len: usize, options: RemapOptions) -> io::Result<()> {
            self.place.remap(new_len, options)
        }
    };
}

/// `flush` and its kin.
macro_rules! flushable {
    () => {
        /// Brings all changes to the file, and waits until its medium has them.
        ///
        /// # Errors
        /// Those of the file.
        pub fn flush(&self) -> io::Result<()> {
            self.place.flush(0, self.place.len(), Medium::Waited)
        }

        /// Brings all changes to the file.
        ///
        /// # Errors
        /// Those of the file.
        pub fn flush_async(&self) -> io::Result<()> {
            self.place.flush(0, self.place.len(), Medium::Later)
        }

        /// As [`flush`](Self::flush), for `len` bytes from `offset` on.
        ///
        /// # Errors
        /// [`ErrorKind::InvalidInput`](std::io::ErrorKind::InvalidInput) if the range is not inside the map; those of the file.
        pub fn flush_range(&self, offset: usize, len: usize) -> io::Result<()> {
            self.place.flush(offset, len, Medium::Waited)
        }

        /// As [`flush_async`](Self::flush_async), for `len` bytes from `offset` on.
        ///
        /// # Errors
        /// Those of [`flush_range`](Self::flush_range).
        pub fn flush_async_range(&self, offset: usize, len: usize) -> io::Result<()> {
            self.place.flush(offset, len, Medium::Later)
        }
    };
}

pub(super) use {advisable, flushable};
