//! Files as objects, from the small integer that std and a libc hold.

use std::fs::File;
use std::os::fd::AsFd;

use crate::bindings::file_ticket;
use crate::{Error, Object, Result, sys};

impl Object {
    /// The bytes of `file` as an object, with the rights that the file was opened with. It stays when `file` is closed.
    ///
    /// The file's own length and position don't matter to it. An empty file gives an object that can't be mapped
    /// before something was written to the file.
    ///
    /// The embedder has to opt in, and vouches with that for the file: what processes outside of the domain do to it while it
    /// is mapped is not bound by leases.
    ///
    /// ```no_run
    /// use std::fs::File;
    /// use memctl_guest::{MapOptions, Object};
    ///
    /// let file = File::open("words.txt")?;
    /// let mapping = MapOptions::new().map(&Object::from_file(&file)?)?;
    /// println!("{} bytes", mapping.read()?.len());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Access`] if it was not opened for reading; [`Error::Unsupported`] if the embedder didn't opt in or it is not a
    /// regular file, and outside a wasm guest; [`Error::Quota`]; [`Error::Io`].
    pub fn from_file(file: &File) -> Result<Self> {
        Self::from_fd(file)
    }

    /// As [`from_file`](Self::from_file), from anything that has a file descriptor.
    ///
    /// The guest shows that it has the descriptor by using it: `posix_fadvise` carries a ticket to the host.
    ///
    /// # Errors
    /// Those of [`from_file`](Self::from_file).
    pub fn from_fd(fd: impl AsFd) -> Result<Self> {
        sys::require_host()?;
        let ticket = file_ticket::issue()?;
        let advised = sys::advise(fd.as_fd(), ticket);
        // Redeemed in any case: that uses the ticket up.
        let redeemed = file_ticket::redeem(ticket);
        advised.map_err(|_errno| Error::Unsupported)?;
        Ok(Self::from_resource(redeemed?))
    }
}
