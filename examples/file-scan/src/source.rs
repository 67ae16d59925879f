//! Where a file's bytes come from: mapped, or read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use memctl_guest::{MapOptions, Object, Result, WindowBuf};

use crate::count::{Counter, Counts};

/// A way to get at the bytes of files.
pub(crate) trait Source {
    /// Counts the file at `path`.
    fn count(&mut self, path: &Path) -> io::Result<Counts>;
}

/// Bytes that are shown at a time, a multiple of every granule. Larger files move through the window: a 32-bit memory is soon full.
const WINDOW: usize = 64 << 20;

/// Maps files, all in one window.
#[derive(Default)]
pub(crate) struct Scanner {
    window: Option<WindowBuf>,
}

impl Scanner {
    /// A window of at least `len` bytes: the one that is there, if it is large enough.
    fn window(&mut self, len: usize) -> Result<WindowBuf> {
        match self.window.take() {
            Some(window) if window.len() >= len => Ok(window),
            smaller => {
                drop(smaller);
                WindowBuf::new(len.next_power_of_two().min(WINDOW))
            }
        }
    }
}

impl Source for Scanner {
    fn count(&mut self, path: &Path) -> io::Result<Counts> {
        let object = Object::from_file(&File::open(path)?)?;
        let end = object.len()?;
        let mut counter = Counter::default();
        let mut offset = 0;
        // An empty file can't be mapped, and need not be.
        while offset < end {
            let len = usize::try_from(end - offset).map_or(WINDOW, |rest| rest.min(WINDOW));
            let window = self.window(len)?;
            let options = MapOptions::new().private().populate().offset(offset).len(len);
            let mapping = options.map_in(window, &object)?;
            counter.feed(&mapping.read()?);
            self.window = Some(mapping.unmap_into_window()?);
            offset += len as u64;
        }
        Ok(counter.finish())
    }
}

/// Reads files into a buffer.
pub(crate) struct Reader {
    buffer: Box<[u8]>,
}

impl Default for Reader {
    fn default() -> Self {
        // As much as GNU wc reads at a time.
        Self { buffer: vec![0; 256 << 10].into() }
    }
}

impl Source for Reader {
    fn count(&mut self, path: &Path) -> io::Result<Counts> {
        let mut file = File::open(path)?;
        let mut counter = Counter::default();
        loop {
            match file.read(&mut self.buffer) {
                Ok(0) => return Ok(counter.finish()),
                Ok(len) => counter.feed(&self.buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
