//! `wasi:memory-control` for wasmtime: guests map objects, among them real files, into their memories.
//!
//! A [`Domain`] holds what guests may share: published objects, quotas, a backend. Each guest gets a [`MemctlCtx`] from it, which
//! lives in the store's data beside the WASI context, and reaches it through [`MemctlView`], as with wasmtime-wasi.
//!
//! A complete embedding. What names memctl is there for memory control; the rest is any host of wasmtime's:
//!
//! ```
//! use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView, Rights, Source};
//! use wasmtime::component::{Component, Linker, ResourceTable};
//! use wasmtime::{Config, Engine, Store};
//! use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
//!
//! struct State {
//!     wasi: WasiCtx,
//!     table: ResourceTable,
//!     memctl: MemctlCtx, // the guest's membership of the domain
//! }
//!
//! impl WasiView for State {
//!     fn ctx(&mut self) -> WasiCtxView<'_> {
//!         WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
//!     }
//! }
//!
//! impl MemctlView for State {
//!     fn memctl(&mut self) -> MemctlCtxView<'_> {
//!         MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table } // the same table will do
//!     }
//! }
//!
//! fn main() -> wasmtime::Result<()> {
//!     // What guests can share: here 1 MiB under the name "frames", and any file that they have open.
//!     let frames = Source::anonymous(1 << 20);
//!     let domain = Domain::builder().object("frames", frames, Rights::READ | Rights::WRITE).files().build()?;
//!
//!     let mut config = Config::new();
//!     domain.configure(&mut config)?; // memories that can be aliased, and the fault handler
//!     let engine = Engine::new(&config)?;
//!
//!     let mut linker: Linker<State> = Linker::new(&engine);
//!     wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
//!     memctl_wasmtime::add_to_linker_sync(&mut linker)?; // after wasmtime-wasi
//!
//!     let wasi = WasiCtx::builder().inherit_stdio().build();
//!     let memctl = domain.context().build();
//!     let mut store = Store::new(&engine, State { wasi, table: ResourceTable::new(), memctl });
//!     memctl_wasmtime::attach(&mut store); // lets the domain see the guest's crossings
//!
//!     // Any component that imports wasi:memory-control runs now. This one asks for the granule.
//!     let component = Component::new(&engine, GUEST)?;
//!     let guest = linker.instantiate(&mut store, &component)?;
//!     let granule = guest.get_typed_func::<(), (u64,)>(&mut store, "granule")?;
//!     assert_eq!(granule.call(&mut store, ())?.0, 4096);
//!     Ok(())
//! }
//!
//! const GUEST: &str = r#"(component
//!     (import "wasi:memory-control/domain@0.1.0-draft"
//!         (instance $domain (export "granule" (func (result u64)))))
//!     (core func $granule (canon lower (func $domain "granule")))
//!     (core module $guest
//!         (import "" "granule" (func $granule (result i64)))
//!         (func (export "granule") (result i64) (call $granule)))
//!     (core instance $guest (instantiate $guest
//!         (with "" (instance (export "granule" (func $granule))))))
//!     (func (export "granule") (result u64) (canon lift (core func $guest "granule"))))"#;
//! ```
//!
//! # Which backend
//! With [`Mode::Auto`] the choice is made for each window. It *aliases* where the memory was made by [`Domain::configure`]'s creator and
//! the store is [attached](attach): the window's addresses are answered with the object's own pages, and nothing is copied. Elsewhere it
//! *copies*: bytes move when control passes between guest and host, or when a lease is acquired or released. Programs can't
//! tell which, but by the time they take. In memories that the host knows nothing of, like the pooling allocator's, mappings can be
//! `leased` only.
//!
//! # One at a time
//! Guests that share objects run one at a time: a store that enters its guest while another thread is inside one is trapped with
//! [`Violation::Parallel`]. A store that waits in an async host call is outside. Guests that share nothing run as they like.
//! While a host function of one guest runs on one thread, no other thread should run a guest that shares objects with it.
//!
//! # Fault containment
//! A file that somebody else cuts off takes pages away under a mapping. Code of the guest then gets a trap, and so does host code
//! that acts for it, at the next crossing; the process and all other guests go on. [`MemctlCtx::last_fault`] tells the address.
//! Results that a guest's export leaves in its memory are read after the last crossing: see [`MemctlCtx::check`].
//! The handler that does this is process-wide, passes every other fault on, and is in place from [`Domain::configure`] on.
//!
//! # Without std
//! With `default-features = false` this crate needs a heap and nothing else: it runs on microcontrollers, as `examples/board` does, beside a wasmtime without its feature `std`.
//! Windows hold copies, or are put onto the object in place; [`Mode::Alias`] is refused. Guests are components that are called synchronously, one at a time on one thread,
//! so that a wait for a lease or a block ends at once. [`board_config`] is the engine's configuration. A host that keeps guests apart by regions of an MPU is told where
//! its own work begins and ends ([`HostWork`]), can end a guest whose store is lost (`Membership`), and can say which bytes were stored to ([`DirtyTracking`]).
//!
//! # For people who watch
//! Calls that are refused are logged at level debug to the target `memctl`, with the numbers that explain them; the guest gets
//! the code only.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod attachment;
mod base;
#[cfg(feature = "std")]
mod bell;
#[cfg(not(feature = "std"))]
#[path = "silent_bell.rs"]
mod bell;
mod board;
mod body;
mod buffer;
mod builder;
mod calls;
mod chosen;
mod component;
#[cfg(feature = "std")]
mod core_linker;
mod creator;
mod ctx;
#[cfg(feature = "std")]
mod declared;
mod device;
mod dirty;
mod domain;
mod error;
#[cfg(feature = "std")]
mod files;
#[cfg(feature = "std")]
mod filesystem;
mod frames;
mod gate;
mod guest;
#[cfg(feature = "std")]
mod handles;
mod heap;
#[cfg(feature = "std")]
mod heard;
mod in_place;
mod locks;
mod means;
#[cfg(not(feature = "std"))]
mod membership;
mod memories;
mod mmu;
mod mover;
mod place;
mod presence;
mod protection;
#[cfg(not(feature = "std"))]
mod refusal;
mod show;
mod source;
#[cfg(feature = "std")]
mod static_protection;
mod stats;
#[cfg(feature = "std")]
mod streams;
mod sync;
mod sys;
mod tails;
#[cfg(feature = "std")]
mod tickets;
mod twins;
mod unsettled;
mod waiting;
mod window;
mod wire;
mod work;

pub use board::board_config;
pub use builder::DomainBuilder;
pub use chosen::{AllFunctions, Functions};
#[cfg(feature = "std")]
pub use component::add_to_linker_without_files_async;
pub use component::{Lease, Mapping, Object, add_imports_to_linker_sync, add_to_linker_without_files_sync};
#[cfg(feature = "std")]
pub use core_linker::{add_to_core_linker_async, add_to_core_linker_sync};
pub use ctx::{MemctlCtx, MemctlCtxBuilder, MemctlCtxView, MemctlView, attach};
#[cfg(feature = "std")]
pub use declared::{instantiate, instantiate_async};
pub use device::{Device, DeviceLease};
pub use dirty::DirtyTracking;
pub use domain::{Domain, Mode};
pub use error::{BuildError, Cause, Violation};
#[cfg(feature = "std")]
pub use files::{add_to_linker_async, add_to_linker_sync};
#[cfg(not(feature = "std"))]
pub use membership::Membership;
#[cfg(feature = "std")]
pub use memctl_alias::host_page_size;
pub use memctl_core::{
    Access, Bounds, Code, Error, HeapOptions, HeapRights, HeapStatus, Orphans, Quotas, Rights, Storage,
};
pub use mmu::FaultKind;
#[cfg(not(feature = "std"))]
pub use refusal::{Refusal, on_refusal};
pub use source::Source;
#[cfg(feature = "std")]
pub use static_protection::{DeclarationError, StaticProtection};
pub use stats::Stats;
#[cfg(feature = "std")]
pub use sys::note_faults;
pub use work::HostWork;

/// The README's embedding and guest compile.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
