//! Shared heaps, by guests in stores of their own: raw calls, and programs with the SDK.

mod asking;
mod chains;
mod core;
mod ends;
mod guest;
mod handing;
mod hostile;
mod programs;
mod protection;
mod waiting;
