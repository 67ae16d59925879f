//! The two symbols that wasmtime's no_std build asks of its embedder: two words that belong to the one thread there is.
//!
//! They lie among the statics that partitions share, since wasmtime sets them while a guest runs.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

#[unsafe(link_section = ".data.common_tls")]
static WORDS: [AtomicPtr<u8>; 2] = [const { AtomicPtr::new(ptr::null_mut()) }; 2];

#[unsafe(no_mangle)]
extern "C" fn wasmtime_tls_get(slot: usize) -> *mut u8 {
    WORDS[slot].load(Relaxed)
}

#[unsafe(no_mangle)]
extern "C" fn wasmtime_tls_set(slot: usize, word: *mut u8) {
    WORDS[slot].store(word, Relaxed);
}
