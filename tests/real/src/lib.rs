//! Real C programs: LMDB and SQLite, each with a driver, as guests and natively.
//!
//! The sources of the two come from crates that bundle them, through cargo; the drivers are in `examples/`.

mod bench;
mod build;
mod check;
mod crash;
mod database;
mod interchange;
mod report;
mod run;
mod scenario;
mod sources;

pub use bench::{Bench, bench};
pub use build::{Programs, build};
pub use crash::{Death, Survival, survive};
pub use database::{Database, Mode};
pub use report::Report;
pub use run::{Copy, Memctl, Place};
pub use scenario::real;
