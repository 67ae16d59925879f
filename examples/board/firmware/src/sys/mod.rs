//! All that is unsafe: the machine, by architecture, and what both have alike.

pub(crate) mod arena;
pub(crate) mod image;
#[cfg_attr(target_arch = "arm", path = "cortex_m/mod.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv/mod.rs")]
pub(crate) mod machine;
#[cfg(feature = "partitions")]
pub(crate) mod partition;
pub(crate) mod place;
#[cfg(feature = "partitions")]
pub(crate) mod pool;
pub(crate) mod stack;
mod start;
#[cfg(feature = "partitions")]
pub(crate) mod tenancy;
mod tls;
#[cfg(feature = "partitions")]
pub(crate) mod trial;
