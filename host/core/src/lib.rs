//! The contract of `wasi:memory-control` as plain data and rules.
//!
//! A [`Domain`] knows which guests there are, which objects they share, where each object is shown, who has a lease on
//! what and what is left of every quota. It decides when bytes must move; a [`Backend`] moves them. Nothing here knows an
//! operating system or a WebAssembly engine, allocates unboundedly, or uses a number from a guest before it was checked.
//!
//! All state is tables of entries that name each other by index: with the feature `serde` a domain can be written out and
//! read back elsewhere.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod backend;
mod bounds;
mod directory;
mod domain;
mod entries;
mod error;
mod heap;
mod options;
mod protected;
mod quota;
mod range;
mod shield;
pub mod sorted;
pub mod space;
mod storage;
mod table;

pub use backend::{Ask, Backend, MemoryId, Part, Shown, View};
pub use bounds::{Bounds, Declaration, Malformed};
pub use directory::Directory;
pub use domain::{Adopted, Asked, Changing, Domain, Memory, Reach, Received, Target, Woken};
pub use entries::{HandleId, InstanceId, LeaseId, MappingId, Medium, ObjectId, WaiterId};
pub use error::{Code, Error};
pub use heap::{BlockId, HeapId, HeapOptions, HeapRights, HeapStatus, Orphans, ReceiverId, Token};
pub use options::{Access, Coherence, MapOptions, PastEnd, Populate, Protection, Rights, Sharing, Threads};
pub use quota::Quotas;
pub use range::{Granule, Span};
pub use shield::{Forbidden, Shield, Stopped, host_part};
pub use storage::Storage;
