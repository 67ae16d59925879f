//! Shared heaps: each claim in every mode, with guests that run one at a time and with guests that are kept apart by pages.

mod alloc;
mod attach;
mod chains;
mod ends;
mod growth;
mod handing;
mod reading;
mod scene;
mod tokens;
