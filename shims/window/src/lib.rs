//! Puts *window memories* into a program: extra memories of a core module, in which a host shows objects.
//!
//! No compiler addresses a memory other than 0. So a guest imports functions from [`MODULE`] or [`MODULE64`] that load, store and copy,
//! each with the window's number as its last parameter, and [`link`] replaces them: it adds the memories, and where the number is a
//! constant, the call becomes the plain instruction on that memory. The function names are those of wasm's instructions (`README.md` lists them).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use memctl_window::{Windows, link};
//!
//! let module = wat::parse_str(
//!     r#"(module
//!         (import "memctl:window" "i32.load" (func $load (param i32 i32) (result i32)))
//!         (memory (export "memory") 1)
//!         (func (export "first") (result i32) (call $load (i32.const 0) (i32.const 1))))"#,
//! )?;
//! let linked = link(&module, &Windows::new().memory32(1, 65536))?;
//! assert_eq!(linked.report.inlined, 1);
//! assert!(wasmprinter::print_bytes(&linked.wasm)?.contains("i32.load $memctl.window.1 align=1"));
//! # Ok(())
//! # }
//! ```
//!
//! [`libraries`] makes modules of their own instead, for `wit_component::ComponentEncoder::library`: nothing in the program changes, and each
//! access is a call from one instance to another.
#![forbid(unsafe_code)]

mod access;
mod body;
mod code;
mod compare;
mod convert;
mod dispatch;
mod error;
mod function;
mod layout;
mod library;
mod link;
mod names;
mod report;
mod scratch;
mod sections;
mod shims;
mod windows;

pub use error::Error;
pub use function::{MODULE, MODULE64};
pub use library::{Library, libraries};
pub use link::{imports_windows, link};
pub use memctl_dwarf::DebugInfo;
pub use report::{Linked, Report, WindowReport};
pub use windows::{MOST_WINDOWS, Windows};
