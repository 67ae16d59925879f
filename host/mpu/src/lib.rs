//! Protection, planned: which regions of an MPU or a PMP make the protection that was asked for, in register values.
//!
//! Ask with a list of [`Range`]s. They are *layers*: where two overlap, the later one holds. So a window inside a partition is two
//! ranges, on every unit: the partition, then the window. What no range covers is out of reach for unprivileged code.
//! Each unit has a module: [`pmsav7`] (Cortex-M0+, M3, M4, M7), [`pmsav8`] (Cortex-M23, M33 and later) and [`pmp`] (RISC-V).
//! Nothing here touches hardware: the registers' owner writes the values.
//!
//! ```
//! use memctl_mpu::{Range, Rights, pmsav7};
//!
//! let unit = pmsav7::Unit::new(8);
//! let plan = unit.plan(&[
//!     Range::new(0x0000_0000, 0x10_0000, Rights::CODE),
//!     Range::new(0x2000_8000, 0x8000, Rights::DATA),
//!     Range::new(0x2000_a000, 0x400, Rights::CONSTANTS).single(),
//! ])?;
//! assert_eq!(plan.regions().len(), 3);
//! // The window's region, and what it becomes when its first store comes.
//! let window = plan.region_of(2).unwrap();
//! let lifted = plan.regions()[window].with(Rights::DATA, memctl_mpu::Memory::Normal).unwrap();
//! assert_eq!(lifted.rbar, 0x2000_a000);
//! # Ok::<(), memctl_mpu::Error>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod error;
mod layers;
mod plan;
pub mod pmp;
pub mod pmsav7;
pub mod pmsav8;
mod range;

pub use error::{Error, Rule};
pub use memctl_core::Protection;
pub use plan::{Plan, Slack, Slacks};
pub use range::{Execute, MOST_RANGES, Memory, Privileged, Range, Rights};
