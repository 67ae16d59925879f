//! One stdin for several runs.

use std::io::{self, IsTerminal as _, Read};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::io::AsyncRead;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{InputStream, Pollable, StreamResult};

/// This process's stdin, read to its end when a guest first reads from it, and the same for every guest after that.
/// A terminal counts as empty, since nobody knows that they are asked.
#[derive(Clone, Default)]
pub struct SharedStdin {
    bytes: Arc<OnceLock<Bytes>>,
}

impl SharedStdin {
    /// All of it, from its start, for one more guest.
    #[must_use]
    pub fn replay(&self) -> Replay {
        Replay { shared: self.clone(), pipe: Arc::default() }
    }

    fn bytes(&self) -> Bytes {
        let read = || {
            let mut stdin = io::stdin().lock();
            let mut bytes = Vec::new();
            if !stdin.is_terminal()
                && let Err(error) = stdin.read_to_end(&mut bytes)
            {
                tracing::warn!("stdin ends early for the program: {error}");
            }
            bytes.into()
        };
        self.bytes.get_or_init(read).clone()
    }
}

/// One guest's stdin. All streams made from it share one position, as WASI asks.
#[derive(Clone)]
pub struct Replay {
    shared: SharedStdin,
    pipe: Arc<OnceLock<MemoryInputPipe>>,
}

impl Replay {
    fn pipe(&self) -> MemoryInputPipe {
        self.pipe.get_or_init(|| MemoryInputPipe::new(self.shared.bytes())).clone()
    }
}

impl IsTerminal for Replay {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Replay {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.pipe())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

impl InputStream for Replay {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.pipe().read(size)
    }
}

#[async_trait]
impl Pollable for Replay {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime_wasi::p2::StreamError;

    #[test]
    fn every_guest_reads_all_of_it() {
        let stdin = SharedStdin { bytes: Arc::new(OnceLock::from(Bytes::from_static(b"abcdef"))) };
        for _ in 0..2 {
            let guest = stdin.replay();
            let (mut one, mut other) = (guest.p2_stream(), guest.p2_stream());
            assert_eq!(one.read(2).unwrap(), "ab");
            assert_eq!(other.read(9).unwrap(), "cdef");
            assert!(matches!(one.read(1), Err(StreamError::Closed)));
        }
    }
}
