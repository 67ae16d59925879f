//! Streams of files, of whose reads and writes the domain hears.

use memctl_core::{Changing, Reach};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use crate::heard::Heard;

/// The most bytes that wasmtime-wasi 48 reads at once, and reads ahead.
const MOST: usize = 64 << 10;

/// Reads a file from a position on.
pub(crate) struct Reader {
    pub(crate) inner: DynInputStream,
    pub(crate) heard: Heard,
    pub(crate) position: u64,
}

impl Reader {
    fn about_to_read(&self, len: usize) {
        self.heard.read(self.position, len.min(MOST) as u64);
    }

    fn read_on(&mut self, bytes: StreamResult<bytes::Bytes>) -> StreamResult<bytes::Bytes> {
        bytes.inspect(|bytes| self.position = self.position.saturating_add(bytes.len() as u64))
    }
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        self.about_to_read(size);
        let read = self.inner.read(size);
        self.read_on(read)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        self.about_to_read(size);
        let read = self.inner.blocking_read(size).await;
        self.read_on(read)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {
        self.about_to_read(MOST);
        self.inner.ready().await;
    }
}

/// Writes a file from a position on, or appends to it.
pub(crate) struct Writer {
    pub(crate) inner: DynOutputStream,
    pub(crate) heard: Heard,
    /// Where the next byte goes; nowhere in particular, if that is the file's end.
    pub(crate) position: Option<u64>,
    /// What is being written.
    pub(crate) writing: Option<Changing>,
}

impl Writer {
    fn about_to_write(&mut self, len: usize) {
        let len = len as u64;
        let reach = self.position.map_or(Reach::End, |offset| Reach::Range { offset, len });
        self.position = self.position.map(|offset| offset.saturating_add(len));
        self.writing = self.heard.changes(reach);
    }

    fn written(&mut self) {
        self.heard.changed(self.writing.take());
    }
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.written();
        self.about_to_write(bytes.len());
        self.inner.write(bytes).inspect_err(|_: &StreamError| self.heard.changed(self.writing.take()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let room = self.inner.check_write();
        if !matches!(room, Ok(0)) {
            self.written();
        }
        room
    }

    async fn blocking_write_and_flush(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.ready().await;
        self.about_to_write(bytes.len());
        let done = self.inner.blocking_write_and_flush(bytes).await;
        self.written();
        done
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
        self.written();
    }
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {
        self.inner.ready().await;
        self.written();
    }
}
