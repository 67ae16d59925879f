//! Devices that write into objects, in turn with programs.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};
use memctl_wasmtime::{Access, Device, Domain};

use crate::spec::FeedSpec;

/// A device that writes the bytes of a file into an object, as many at a time as the object has.
pub(crate) struct Feed {
    device: Device,
    object: String,
    size: u64,
    file: File,
}

impl Feed {
    /// Opens the file.
    ///
    /// # Errors
    /// It can't be opened, or there is no such object.
    pub(crate) fn new(domain: &Domain, FeedSpec { object, path }: &FeedSpec) -> Result<Self> {
        let context = || format!("--feed {object}={}", path.display());
        let file = File::open(path).with_context(context)?;
        let size = domain.object_size(object).with_context(context)?;
        Ok(Self { device: domain.device(), object: object.clone(), size, file })
    }

    /// Writes the next bytes. What can't be written, because somebody has a lease there or maps the object without, is lost, as where a FIFO overruns.
    ///
    /// # Errors
    /// The file can't be read.
    pub(crate) fn advance(&mut self) -> Result<()> {
        let mut bytes = Vec::new();
        self.file
            .by_ref()
            .take(self.size)
            .read_to_end(&mut bytes)
            .with_context(|| format!("--feed {}", self.object))?;
        if bytes.is_empty() {
            return Ok(());
        }
        let written = self.device.lease(&self.object, 0..bytes.len() as u64, Access::Write).and_then(|mut lease| {
            lease.write(0, &bytes)?;
            lease.release()
        });
        if let Err(error) = written {
            tracing::warn!("--feed {}: {} bytes are lost: {error}", self.object, bytes.len());
        }
        Ok(())
    }
}
