//! A component whose exports are the raw wire calls: see `wit/probe.wit`.

mod files;
mod memory;
mod table;
mod wire;

use std::cell::RefCell;

use memctl_guest::bindings::domain::{Capabilities, Quotas};
use memctl_guest::bindings::mapping::{Lease, MapFlags, MapOptions, Mapping};
use memctl_guest::bindings::object::{Object, Rights};
use memctl_guest::bindings::types::{Access, Coherence, ErrorCode, Protection, Sharing};
use memctl_guest::bindings::{domain, file_ticket};

use bindings::exports::memctl::probe::probe::{FileStep, Guest};
use bindings::wasi::memory_control::protection::{self, Bounds};
use table::Table;

mod bindings {
    //! The world `memctl:probe/guest`.

    wit_bindgen::generate!({
        world: "memctl:probe/guest",
        path: ["../../../wit", "wit"],
        with: {
            "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
            "wasi:memory-control/domain@0.1.0-draft": memctl_guest::bindings::domain,
            "wasi:memory-control/object@0.1.0-draft": memctl_guest::bindings::object,
            "wasi:memory-control/mapping@0.1.0-draft": memctl_guest::bindings::mapping,
            "wasi:memory-control/file-ticket@0.1.0-draft": memctl_guest::bindings::file_ticket,
        },
        generate_all,
    });
}

/// The component's exports.
struct Probe;

thread_local! {
    static OBJECTS: RefCell<Table<Object>> = const { RefCell::new(Table::new()) };
    static MAPPINGS: RefCell<Table<Mapping>> = const { RefCell::new(Table::new()) };
    static LEASES: RefCell<Table<Lease>> = const { RefCell::new(Table::new()) };
}

/// Keeps `object`, and returns its index.
fn keep(object: Object) -> u32 {
    OBJECTS.with_borrow_mut(|objects| objects.push(object))
}

impl Guest for Probe {
    fn granule() -> u64 {
        domain::granule()
    }

    fn capabilities_of() -> Capabilities {
        domain::capabilities_of(&[0])
    }

    fn limits() -> Quotas {
        domain::limits()
    }

    fn usage() -> Quotas {
        domain::usage()
    }

    fn anonymous(len: u64) -> Result<u32, ErrorCode> {
        Object::anonymous(len).map(keep)
    }

    fn open(name: String) -> Result<u32, ErrorCode> {
        Object::open(&name).map(keep)
    }

    fn object_len(object: u32) -> Result<u64, ErrorCode> {
        OBJECTS.with_borrow(|objects| objects.get(object).len())
    }

    fn object_rights(object: u32) -> Rights {
        OBJECTS.with_borrow(|objects| objects.get(object).rights())
    }

    fn resize(object: u32, len: u64) -> Result<(), ErrorCode> {
        OBJECTS.with_borrow(|objects| objects.get(object).resize(len))
    }

    fn drop_object(object: u32) {
        drop(Self::take_object(object));
    }

    fn put_object(object: Object) -> u32 {
        keep(object)
    }

    fn take_object(object: u32) -> Object {
        OBJECTS.with_borrow_mut(|objects| objects.take(object))
    }

    fn from_path(path: String, writable: bool) -> Result<u32, String> {
        files::from_path(&path, writable).map(keep)
    }

    fn from_descriptor(path: String, writable: bool) -> Result<u32, String> {
        files::from_descriptor(&path, writable).map(keep)
    }

    fn ticket_issue() -> Result<u64, ErrorCode> {
        file_ticket::issue()
    }

    fn ticket_advise(ticket: u64, path: String) -> Result<(), i32> {
        files::advise(&path, ticket)
    }

    fn ticket_redeem(ticket: u64) -> Result<u32, ErrorCode> {
        file_ticket::redeem(ticket).map(keep)
    }

    fn write_file(path: String, offset: u64, bytes: Vec<u8>) -> Result<(), String> {
        files::write(&path, offset, &bytes)
    }

    fn read_file(path: String, offset: u64, len: u32) -> Result<Vec<u8>, String> {
        files::read(&path, offset, len as usize)
    }

    fn write_from(path: String, offset: u64, address: u32, len: u32) -> Result<u32, String> {
        files::write_from(&path, offset, address, len)
    }

    fn read_into(path: String, offset: u64, address: u32, len: u32) -> Result<u32, String> {
        files::read_into(&path, offset, address, len)
    }

    fn use_file(path: String, steps: Vec<FileStep>) -> Result<Vec<u8>, String> {
        files::use_file(&path, &steps)
    }

    fn set_file_len(path: String, len: u64) -> Result<(), String> {
        files::set_len(&path, len)
    }

    fn sync_file(path: String) -> Result<(), String> {
        files::sync(&path)
    }

    fn truncate_file(path: String) -> Result<(), String> {
        files::truncate(&path)
    }

    fn use_whole_lists(whole: bool) {
        wire::use_whole_lists(whole);
    }

    fn map(
        start: u64,
        len: u64,
        object: u32,
        offset: u64,
        protection: Protection,
        sharing: Sharing,
        coherence: Coherence,
        flags: MapFlags,
    ) -> Result<u32, ErrorCode> {
        let options = MapOptions { offset, protection, sharing, coherence, flags };
        let mapping = OBJECTS.with_borrow(|objects| wire::map(start, len, objects.get(object), options))?;
        Ok(MAPPINGS.with_borrow_mut(|mappings| mappings.push(mapping)))
    }

    fn publish(mapping: u32, start: u64, len: u64) -> Result<(), ErrorCode> {
        MAPPINGS.with_borrow(|mappings| wire::publish(mappings.get(mapping), start, len))
    }

    fn refresh(mapping: u32, start: u64, len: u64) -> Result<(), ErrorCode> {
        MAPPINGS.with_borrow(|mappings| wire::refresh(mappings.get(mapping), start, len))
    }

    fn acquire(mapping: u32, start: u64, len: u64, access: Access) -> Result<u32, ErrorCode> {
        let lease = MAPPINGS.with_borrow(|mappings| wire::acquire(mappings.get(mapping), start, len, access))?;
        Ok(LEASES.with_borrow_mut(|leases| leases.push(lease)))
    }

    fn acquire_within(mapping: u32, start: u64, len: u64, access: Access, timeout: u64) -> Result<u32, ErrorCode> {
        let lease = MAPPINGS
            .with_borrow(|mappings| wire::acquire_within(mappings.get(mapping), (start, len), access, timeout))?;
        Ok(LEASES.with_borrow_mut(|leases| leases.push(lease)))
    }

    fn sync(mapping: u32, start: u64, len: u64) -> Result<(), ErrorCode> {
        MAPPINGS.with_borrow(|mappings| wire::sync(mappings.get(mapping), start, len))
    }

    fn unmap(mapping: u32, start: u64, len: u64) -> Result<(), ErrorCode> {
        MAPPINGS.with_borrow(|mappings| wire::unmap(mappings.get(mapping), start, len))
    }

    fn drop_mapping(mapping: u32) {
        drop(MAPPINGS.with_borrow_mut(|mappings| mappings.take(mapping)));
    }

    fn upgrade(lease: u32, start: u64, len: u64, timeout: u64) -> Result<(), ErrorCode> {
        LEASES.with_borrow(|leases| wire::upgrade(leases.get(lease), start, len, timeout))
    }

    fn downgrade(lease: u32, start: u64, len: u64) -> Result<(), ErrorCode> {
        LEASES.with_borrow(|leases| wire::downgrade(leases.get(lease), start, len))
    }

    fn release(lease: u32, start: u64, len: u64) -> Result<(), ErrorCode> {
        let lease = LEASES.with_borrow_mut(|leases| leases.take(lease));
        wire::release(lease, start, len)
    }

    fn drop_lease(lease: u32) {
        drop(LEASES.with_borrow_mut(|leases| leases.take(lease)));
    }

    fn seal(no_access: u64, read_only: u64) -> Result<(u64, u64), ErrorCode> {
        protection::seal(&[], Bounds { no_access, read_only }).map(|sealed| (sealed.no_access, sealed.read_only))
    }

    fn sealed() -> (u64, u64) {
        let sealed = protection::sealed(&[]);
        (sealed.no_access, sealed.read_only)
    }

    fn protect(start: u64, len: u64, protection: Protection) -> Result<(), ErrorCode> {
        protection::protect(&wire::window(start, len), protection)
    }

    fn discard(start: u64, len: u64) -> Result<(), ErrorCode> {
        protection::discard(&wire::window(start, len))
    }

    fn alloc(len: u32, align: u32) -> u32 {
        memory::alloc(len, align)
    }

    fn free(address: u32, len: u32, align: u32) {
        memory::free(address, len, align);
    }

    fn load_u8(address: u32) -> u8 {
        memory::load(address)
    }

    fn store_u8(address: u32, value: u8) {
        memory::store(address, value);
    }

    fn load_u64(address: u32) -> u64 {
        memory::load(address)
    }

    fn store_u64(address: u32, value: u64) {
        memory::store(address, value);
    }

    fn fill(address: u32, len: u32, value: u8) {
        memory::fill(address, len, value);
    }

    fn copy(to: u32, from: u32, len: u32) {
        memory::copy(to, from, len);
    }

    fn sum(address: u32, len: u32) -> u64 {
        (0..len).map(|at| u64::from(memory::load::<u8>(address + at))).sum()
    }

    fn read_bytes(address: u32, len: u32) -> Vec<u8> {
        (0..len).map(|at| memory::load(address + at)).collect()
    }

    fn write_bytes(address: u32, bytes: Vec<u8>) {
        for (at, byte) in (address..).zip(bytes) {
            memory::store(at, byte);
        }
    }

    fn grow(pages: u32) -> i32 {
        memory::grow(pages)
    }

    fn memory_size() -> u32 {
        memory::size()
    }

    fn spin(address: u32, rounds: u64) {
        (0..rounds).for_each(|round| memory::store(address, round.to_le_bytes()[0]));
    }

    fn spin_over(address: u32, len: u32) {
        (0..len).for_each(|at| memory::store(address + at, 0xff_u8));
    }

    fn forever() {
        let mut round = 0_u64;
        loop {
            round = std::hint::black_box(round.wrapping_add(1));
        }
    }

    fn trap() {
        memory::trap();
    }

    fn cross(calls: u32) {
        (0..calls).for_each(|_| assert_ne!(domain::granule(), 0));
    }
}

// Natively the names of the exports are no symbols that a linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Probe with_types_in bindings);
