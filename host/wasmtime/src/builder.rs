//! How a domain comes to be: its settings, and what is published in it.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use memctl_core::{Access, Error, Granule, HeapOptions, Medium, Quotas, Rights, Threads};

use crate::body::{Bodies, Body};
use crate::buffer::Buffer;
use crate::domain::{Shared, new_body};
use crate::heap::Planned;
#[cfg(feature = "std")]
use crate::mmu::FileObject;
use crate::mmu::host_page_size;
use crate::source::From;
use crate::sync::Counter;
use crate::sync::atomic::Ordering;
use crate::{BuildError, Domain, Mode, Source};

/// Makes a [`Domain`].
///
/// ```
/// use memctl_wasmtime::{Domain, Mode, Rights, Source};
/// let domain = Domain::builder()
///     .mode(Mode::Copy)
///     .object("frames", Source::anonymous(1 << 20), Rights::READ | Rights::WRITE)
///     .build()?;
/// assert_eq!(domain.object_size("frames")?, 1 << 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct DomainBuilder {
    mode: Mode,
    granule: Option<u64>,
    domain_quotas: Option<Quotas>,
    guest_quotas: Option<Quotas>,
    objects: Vec<(String, Source, Rights)>,
    pub(crate) heaps: Vec<(String, Planned, HeapOptions)>,
    files: bool,
    threads: Option<Threads>,
    audited: bool,
    advisory: bool,
    isolated: bool,
}

impl DomainBuilder {
    /// Which backend; [`Mode::Auto`] unless said otherwise.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The granule in bytes, a power of two; the host page unless said otherwise. With [`Mode::Auto`] and [`Mode::Alias`] it is the host
    /// page: only the tail of an object's last host page can be shown, and every granule has to be shown whole.
    #[must_use]
    pub fn granule(mut self, bytes: u64) -> Self {
        self.granule = Some(bytes);
        self
    }

    /// What all guests together may use; [`Quotas::DOMAIN`] unless said otherwise.
    #[must_use]
    pub fn quotas(mut self, quotas: Quotas) -> Self {
        self.domain_quotas = Some(quotas);
        self
    }

    /// What each guest may use unless its context says otherwise; [`Quotas::GUEST`] unless said otherwise.
    #[must_use]
    pub fn guest_quotas(mut self, quotas: Quotas) -> Self {
        self.guest_quotas = Some(quotas);
        self
    }

    /// Publishes an object to all guests under `name`, with `rights`. It lives as long as the domain.
    #[must_use]
    pub fn object(mut self, name: impl Into<String>, source: Source, rights: Rights) -> Self {
        self.objects.push((name.into(), source, rights));
        self
    }

    /// Lets guests map the files that they have open, by WASI descriptor and by a libc's file descriptor.
    ///
    /// This promises that every guest which can open one of these files for writing through WASI runs in a store whose
    /// linker went through this crate's `add_to_linker_sync` or `add_to_linker_async`: they watch `descriptor.open-at`,
    /// which is how a private mapping stays a snapshot without being copied up front, and the calls that read, write and resize files, which is how
    /// automatic mappings of files are coherent with those at no cost elsewhere. Without this, automatic copied mappings of files that
    /// were [published](crate::Source) are synced with them at every crossing.
    #[must_use]
    pub fn files(mut self) -> Self {
        self.files = true;
        self
    }

    /// Lets guests that share objects run at the same time, on as many threads as there are. They share under leases only, which keep whole
    /// granules apart: `automatic` and `aliasing` shared mappings are answered with `unsupported`. Where a window aliases, nothing of it can be
    /// touched outside the leases that its guest holds, and whatever tries is trapped; acquiring and releasing costs an `mprotect(2)`
    /// each for that. Where it is copied, bytes move with the leases.
    #[must_use]
    pub fn parallel(self) -> Self {
        self.threads(Threads::Many)
    }

    pub(crate) fn threads(mut self, threads: Threads) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Holds guests to the rules of a board on this machine: leased windows alias, and can't be touched outside leases, although guests run
    /// one at a time. A program that would behave differently where bytes move with leases is trapped, at full speed. With [`Mode::Copy`]
    /// it is an error, and so is a leased mapping that can't alias.
    #[must_use]
    pub fn audit(mut self) -> Self {
        self.audited = true;
        self
    }

    /// Answers calls that protect memory as if they did also where neither hardware nor checks in the guest's code can: what is protected there is
    /// advice, which nothing holds the guest to. Without this they are answered with `unsupported`. Guests can tell by the capability
    /// `protection`, which such memories don't have.
    #[must_use]
    pub fn advisory_protection(mut self) -> Self {
        self.advisory = true;
        self
    }

    /// Tells guests that hardware keeps each of them, and the engine while it runs for them, to the memory that they may touch: the embedder sees to that, with the
    /// regions of an MPU for instance. They can tell by the capability `isolated`, which they don't have otherwise; nothing else changes.
    #[must_use]
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// The domain.
    ///
    /// # Errors
    /// [`BuildError`] names the object or the setting that can't be had.
    pub fn build(self) -> Result<Domain, BuildError> {
        let mode = mode_here(self.mode)?;
        let bytes = self.granule.unwrap_or(GRANULE.unwrap_or_else(host_page_size));
        let refused = BuildError::Granule { bytes, host_page: host_page_size() };
        let granule = match Granule::new(bytes) {
            Some(granule) if mode == Mode::Copy || bytes == host_page_size() => granule,
            Some(_) | None => return Err(refused),
        };
        let mut rules = memctl_core::Domain::new(granule, self.domain_quotas.unwrap_or(Quotas::DOMAIN));
        if self.files {
            rules.watch_files();
            rules.hear_files();
        }
        let threads = self.threads.unwrap_or(Threads::One);
        rules.set_threads(threads);
        if self.audited {
            if mode == Mode::Copy {
                return Err(BuildError::Audit);
            }
            rules.audit();
        }
        let mut bodies = Bodies::new();
        for (name, source, rights) in self.objects {
            publish(&mut rules, &mut bodies, mode, &name, source, rights)
                .map_err(|error| BuildError::Object { name, error })?;
        }
        for (name, planned, options) in self.heaps {
            crate::heap::publish(&mut rules, &mut bodies, mode, &name, planned, options)
                .map_err(|error| BuildError::Heap { name, error })?;
        }
        let shared = Shared::new(
            mode,
            self.guest_quotas.unwrap_or(Quotas::GUEST),
            self.files,
            (threads, self.audited, self.advisory, self.isolated),
            rules,
            bodies,
        );
        Ok(Domain { shared: Arc::new(shared) })
    }
}

/// The granule unless the embedder says otherwise: the host page; on a board, what the smallest regions of MPUs are made of.
const GRANULE: Option<u64> = if cfg!(feature = "std") { None } else { Some(32) };

/// What a mode comes to on this machine.
fn mode_here(mode: Mode) -> Result<Mode, BuildError> {
    match mode {
        mode if cfg!(feature = "std") => Ok(mode),
        Mode::Auto | Mode::Copy => Ok(Mode::Copy),
        Mode::Alias => Err(BuildError::Alias),
    }
}

/// The storage that a source describes.
pub(crate) fn body_of(mode: Mode, source: Source, access: Access, granule: Granule) -> Result<(Medium, Body), Error> {
    let anonymous = Medium::Anonymous { owner: None };
    Ok(match source.0 {
        From::Anonymous { size: 0 } => return Err(Error::Empty { what: "the object" }),
        From::Anonymous { size } => (anonymous, new_body(mode, size, granule)?),
        From::Bytes(bytes) if bytes.is_empty() => return Err(Error::Empty { what: "the object" }),
        From::Bytes(bytes) => {
            let mut body = new_body(mode, bytes.len() as u64, granule)?;
            body.storage_mut().write_at(0, &bytes)?;
            (anonymous, body)
        }
        From::ReadOnly([]) => return Err(Error::Empty { what: "the object" }),
        From::ReadOnly(bytes) => {
            check_read_only(access)?;
            (anonymous, Body::Heap(Buffer::read_only(bytes, granule)))
        }
        // Its bytes change by themselves, as a file's do.
        From::Storage(storage) => (Medium::File { identity: (u64::MAX, next_storage()) }, Body::Other(storage)),
        #[cfg(feature = "std")]
        From::Device { file, len } => {
            let device = FileObject::from_device(Arc::new(file), len, access == Access::Write)?;
            (Medium::File { identity: device.identity() }, Body::File(device))
        }
        #[cfg(feature = "std")]
        From::File(file) => {
            let file = FileObject::from_file(Arc::new(file), access == Access::Write)?;
            (Medium::File { identity: file.identity() }, Body::File(file))
        }
    })
}

/// A number for a storage, as files have: no device is numbered `u64::MAX`.
fn next_storage() -> u64 {
    static NEXT: Counter = Counter::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn check_read_only(access: Access) -> Result<(), Error> {
    match access {
        Access::Read => Ok(()),
        Access::Write => {
            Err(Error::Access { right: "write bytes that nobody can write: publish them with the right to read" })
        }
    }
}

/// Publishes an object as `name`, with its storage.
pub(crate) fn publish(
    rules: &mut memctl_core::Domain,
    bodies: &mut Bodies,
    mode: Mode,
    name: &str,
    source: Source,
    rights: Rights,
) -> Result<(), Error> {
    let access = if rights.contains(Rights::WRITE) { Access::Write } else { Access::Read };
    let (medium, body) = body_of(mode, source, access, rules.granule())?;
    let size = body.storage().size()?;
    let adopted = rules.publish_name(name, medium, size, rights)?;
    crate::body::adopt(bodies, adopted, body);
    Ok(())
}
