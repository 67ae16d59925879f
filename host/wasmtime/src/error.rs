//! What goes wrong on the embedder's side.

use alloc::string::String;

use memctl_core::{Error, InstanceId};

/// A domain can't be built as asked.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The granule doesn't fit.
    #[error(
        "a granule of {bytes} bytes can't be had: it is a power of two, and the host page, {host_page} bytes, unless \
         Mode::Copy is chosen"
    )]
    Granule {
        /// What was asked for.
        bytes: u64,
        /// The host page in bytes.
        host_page: u64,
    },
    /// A heap can't be published.
    #[error("heap {name:?}: {error}")]
    Heap {
        /// The name it was to have.
        name: String,
        /// Why not.
        error: Error,
    },
    /// An audit was asked for where nothing aliases.
    #[error("an audit watches windows that alias, and Mode::Copy makes none: choose Mode::Auto or Mode::Alias")]
    Audit,
    /// Windows can't alias here.
    #[error(
        "windows alias where an MMU shows memory twice, and this crate was built without std: choose Mode::Auto or Mode::Copy"
    )]
    Alias,
    /// An object can't be published.
    #[error("object {name:?}: {error}")]
    Object {
        /// The name it was to have.
        name: String,
        /// Why not.
        error: Error,
    },
}

/// Why a guest was trapped on the domain's account. Found in the chain of the error that the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Host code that acted for the guest touched a page that the guest has no right to, or that is gone. It was given a scratch
    /// page instead; the object is untouched.
    #[error("memory-control: {0}")]
    Fault(Cause),
    /// Another guest that shares objects in this domain is inside on another thread.
    #[error(
        "memory-control: another guest of this domain is running on another thread: a domain's guests that share objects run \
         one at a time"
    )]
    Parallel,
    /// The module declares protection that can't be had here: the host's log says why.
    #[error("memory-control: the static protection that a module declares can't be had here ({0:?}); the log says why")]
    Unprotected(memctl_core::Code),
    /// The guest went on using a window whose base had changed, on an engine that reads it only when memory grows.
    #[error(
        "memory-control: a window was not settled: after bind, rebind and unmap of a window that shows an object in place, settle the window (memory.grow by 0) before any \
         other call"
    )]
    Unsettled,
    /// What other guests wrote could not be brought into an `automatic` window.
    #[error("memory-control: an automatic mapping could not be refreshed (error code {0})")]
    Refresh(i32),
}

/// An access that was answered with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Where, as an address in the guest's memory.
    pub address: u64,
    /// What was wrong with the page.
    pub kind: crate::mmu::FaultKind,
    /// Whether it was a store, if the hardware said.
    pub write: Option<bool>,
}

impl core::fmt::Display for Cause {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let access = match self.write {
            Some(true) => "store to",
            Some(false) => "load from",
            None => "access to",
        };
        let page = match self.kind {
            crate::mmu::FaultKind::Protection => "a page that is protected",
            crate::mmu::FaultKind::Vanished => "a page whose file was cut off or whose storage is full",
        };
        write!(f, "{access} address {:#x} of the guest's memory, {page}", self.address)
    }
}

impl From<crate::mmu::Fault> for Cause {
    fn from(fault: crate::mmu::Fault) -> Self {
        Self { address: fault.address, kind: fault.kind, write: fault.write }
    }
}

impl From<memctl_core::Stopped> for Cause {
    fn from(stopped: memctl_core::Stopped) -> Self {
        Self { address: stopped.address, kind: crate::mmu::FaultKind::Protection, write: Some(stopped.write) }
    }
}

/// Notes a refused call for the people who run the host: the guest gets the code only.
pub(crate) fn refused(instance: InstanceId, call: &'static str, error: &Error) {
    #[cfg(feature = "std")]
    tracing::debug!(target: "memctl", guest = instance.to_bits(), call, code = ?error.code(), "{error}");
    #[cfg(not(feature = "std"))]
    crate::refusal::tell(instance, call, error);
}
