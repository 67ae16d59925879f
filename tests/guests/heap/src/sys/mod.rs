//! All that needs `unsafe`.

pub(crate) mod memory;
