//! The end of a guest that was lost with its partition.

use core::ops::Range;

use memctl_wasmtime::Membership;

use crate::sys::partition::Partition;

/// Tells the domain that the guest is lost whose partition was given up.
pub(crate) fn lost<T>(membership: Membership, bytes: &Range<usize>, partition: &mut Partition<'_, T>) {
    assert!(partition.is_lost() && partition.bytes() == *bytes, "it was given up");
    // SAFETY: the partition was given up: nothing on its stack goes on, its tenant is never dropped, and its bytes are wiped before anybody
    // else has them (`Partition::renew`). What the domain keeps was allocated in the kernel's arena, by `HostWork`, and the guest's memories in the partition's.
    unsafe { membership.lost(bytes) };
}
