//! What the stages of *frames* do to a frame, however it comes to them, and how they hand it on in a shared heap.

pub mod picture;
pub mod relay;
mod statistics;

pub use statistics::Statistics;
