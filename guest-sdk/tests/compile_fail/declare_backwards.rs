//! The read-only part begins where the no-access part ends.

memctl_guest::declare_protection!(no_access: 8192, read_only: 4096);

fn main() {}
