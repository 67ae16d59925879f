//! What the fuzz targets run. `fuzz_targets/` has a file for each, which only names it.

pub mod core_domain;
