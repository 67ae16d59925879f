//! Shared heaps: each claim in every mode, with guests that run one at a time and with guests that are kept apart by pages.

mod alloc;
mod attach;
mod chains;
mod ends;
mod failures;
mod growth;
mod guarded;
mod handing;
mod hostile;
mod lockstep;
mod named;
mod queues;
mod quotas;
mod reading;
mod reload;
mod rights;
mod scene;
mod tokens;
