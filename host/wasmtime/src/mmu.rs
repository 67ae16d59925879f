//! What a memory-management unit gives: with an operating system all that `memctl-alias` has, elsewhere memory that can't be aliased, under the same names.

#[cfg(feature = "std")]
pub use memctl_alias::FaultKind;
#[cfg(feature = "std")]
pub(crate) use memctl_alias::{Fault, FileObject, Protection, Reservation, contained_faults, host_page_size, install};

#[cfg(not(feature = "std"))]
mod none;
#[cfg(not(feature = "std"))]
pub use none::FaultKind;
#[cfg(not(feature = "std"))]
pub(crate) use none::{Fault, FileObject, Protection, Reservation, contained_faults, host_page_size, install};
