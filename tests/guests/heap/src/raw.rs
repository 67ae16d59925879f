//! The calls as they are.

use memctl_guest::bindings::heap::{self, HeapMember, HeapStatus, Token};
use memctl_guest::bindings::types::{ErrorCode, Protection};

use crate::HeapGuest;
use crate::bindings::exports::memctl::heap_guest::raw::Guest;
use crate::sys::memory;

impl Guest for HeapGuest {
    fn open(name: String) -> Result<u64, ErrorCode> {
        heap::open(&name)
    }

    fn status(heap: u64) -> Result<HeapStatus, ErrorCode> {
        heap::status(heap)
    }

    fn member(heap: u64, index: u32) -> Result<HeapMember, ErrorCode> {
        heap::member(heap, index)
    }

    fn attach(heap: u64, protection: Protection) -> Result<u32, ErrorCode> {
        let len = usize::try_from(heap::status(heap)?.max_len).map_err(|_| ErrorCode::OutOfMemory)?;
        let start = memory::alloc(len, memctl_guest::domain::granule());
        heap::attach(heap, &[], 0, start.into(), protection)?;
        Ok(start)
    }

    fn attach_at(heap: u64, window: u32, start: u64, protection: Protection) -> Result<(), ErrorCode> {
        heap::attach(heap, &[], window, start, protection)
    }

    fn detach(heap: u64) -> Result<(), ErrorCode> {
        heap::detach(heap)
    }

    fn alloc(heap: u64, len: u64, align: u64) -> Result<Token, ErrorCode> {
        heap::alloc(heap, len, align)
    }

    fn free(block: Token) -> Result<(), ErrorCode> {
        heap::free(block)
    }

    fn share(block: Token) -> Result<(), ErrorCode> {
        heap::share(block)
    }

    fn unshare(block: Token) -> Result<(), ErrorCode> {
        heap::unshare(block)
    }

    fn give(block: Token) -> Result<(), ErrorCode> {
        heap::give(block)
    }

    fn take(block: Token) -> Result<(), ErrorCode> {
        heap::take(block)
    }

    fn resolve(block: Token) -> Result<(), ErrorCode> {
        heap::resolve(block)
    }

    fn release(block: Token) -> Result<(), ErrorCode> {
        heap::release(block)
    }

    fn send(heap: u64, queue: u32, block: Token) -> Result<(), ErrorCode> {
        heap::send(heap, queue, block)
    }

    fn receive(heap: u64, queue: u32, timeout: u64) -> Result<Token, ErrorCode> {
        heap::receive(heap, queue, timeout)
    }

    fn inherit(heap: u64) -> Result<Token, ErrorCode> {
        heap::inherit(heap)
    }

    fn read(address: u32, len: u32) -> Vec<u8> {
        memory::read(address, len)
    }

    fn write(address: u32, bytes: Vec<u8>) {
        memory::write(address, &bytes);
    }

    fn fill(address: u32, len: u32, value: u8) {
        memory::fill(address, len, value);
    }

    fn trap() {
        panic!("as it was told to");
    }
}
