#![doc = include_str!("../README.md")]

#[cfg(target_os = "wasi")]
mod guest;

#[cfg(target_os = "wasi")]
pub use guest::{
    Advice, MapIfSafeError, Mmap, MmapAsRawDesc, MmapMut, MmapOptions, MmapRaw, MmapRawDescriptor, RemapOptions,
    UncheckedAdvice,
};

#[cfg(not(target_os = "wasi"))]
pub use memctl_memmap2_upstream::*;
