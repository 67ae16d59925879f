//! The mistake.

/// Stores a byte where it has no business to.
pub(crate) fn store(address: usize) {
    let wild = core::ptr::with_exposed_provenance_mut::<u8>(core::hint::black_box(address));
    // SAFETY: it isn't sound, and is not meant to be: the host traps it, and nothing of this instance runs afterwards. A host that let it pass would be
    // found out by what is printed next. Volatile, so that the compiler has no say in it.
    unsafe { wild.write_volatile(b'?') };
}
