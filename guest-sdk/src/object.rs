//! Objects: bytes that live outside any guest.

use crate::bindings::object as wire;
use crate::sys;
use crate::{Error, Result};

pub use crate::bindings::object::Rights;

/// A handle to an object: bytes that live outside any guest. [`MapOptions`](crate::MapOptions) shows them in a window.
///
/// Dropping the handle leaves live mappings alone; the object goes when its last handle, mapping and published name are gone.
///
/// ```no_run
/// use memctl_guest::{MapOptions, Object};
///
/// let object = Object::anonymous(1 << 20)?;
/// let mut mapping = MapOptions::new().map_mut(&object)?;
/// mapping.write()?[..5].copy_from_slice(b"hello");
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[derive(Debug)]
pub struct Object {
    handle: wire::Object,
}

impl Object {
    /// A new object of `len` zero bytes, with all rights.
    ///
    /// # Errors
    /// [`Error::Bounds`] if `len` is 0; [`Error::Quota`]; [`Error::OutOfMemory`];
    /// [`Error::Unsupported`] outside a wasm guest.
    pub fn anonymous(len: u64) -> Result<Self> {
        sys::require_host()?;
        Ok(Self::from_resource(wire::Object::anonymous(len)?))
    }

    /// The object that the embedder published to this guest as `name`, with the rights it was published with.
    ///
    /// ```no_run
    /// let frames = memctl_guest::Object::open("frames")?;
    /// # Ok::<(), memctl_guest::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Quota`]; [`Error::Unsupported`] outside a wasm guest.
    pub fn open(name: &str) -> Result<Self> {
        sys::require_host()?;
        Ok(Self::from_resource(wire::Object::open(name)?))
    }

    /// Length in bytes, now: a file may change its own.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn len(&self) -> Result<u64> {
        Ok(self.handle.len()?)
    }

    /// Whether the object has no bytes, as an empty file has. Such an object can't be mapped.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// What this handle allows.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.handle.rights()
    }

    /// Sets the length to `len` bytes. New bytes are zero.
    ///
    /// # Errors
    /// [`Error::Access`] without the right [`Rights::RESIZE`]; [`Error::Bounds`] if `len` is 0; [`Error::Overlap`] if bytes
    /// that a live mapping shows would go; [`Error::Busy`] if the host has a lease on some that would, or, where guests run at the same time,
    /// anybody on the granule that the object ends in; [`Error::Quota`]; [`Error::OutOfMemory`]; [`Error::Io`].
    pub fn resize(&self, len: u64) -> Result<()> {
        Ok(self.handle.resize(len)?)
    }

    /// The object behind a handle that another component passed.
    #[must_use]
    pub fn from_resource(handle: wire::Object) -> Self {
        Self { handle }
    }

    /// The handle, to pass it to another component of the same store. Mappings of the object stay.
    #[must_use]
    pub fn into_resource(self) -> wire::Object {
        self.handle
    }

    /// The handle, to lend it to another component of the same store.
    #[must_use]
    pub fn as_resource(&self) -> &wire::Object {
        &self.handle
    }

    /// Length in bytes of `len` bytes from `offset` on, or of all bytes from there on.
    pub(crate) fn range_len(&self, offset: u64, len: Option<u64>) -> Result<u64> {
        let rest = self.len()?.checked_sub(offset).ok_or(Error::Bounds)?;
        match len.unwrap_or(rest) {
            0 => Err(Error::Bounds),
            len if len <= rest => Ok(len),
            _ => Err(Error::Bounds),
        }
    }
}
