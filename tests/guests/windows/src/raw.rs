//! Raw calls on windows.

use std::cell::RefCell;

use memctl_guest::bindings::mapping::{Lease, MapFlags, MapOptions, Mapping};
use memctl_guest::bindings::object::Object;
use memctl_guest::bindings::types::{Access, Coherence, ErrorCode, Protection, Sharing, Window};
use memctl_guest::bindings::window;

use crate::Program;
use crate::bindings::exports::memctl::windows_guest::raw::Guest;
use crate::sys;

thread_local! {
    static OBJECTS: RefCell<Vec<Option<Object>>> = const { RefCell::new(Vec::new()) };
    static MAPPINGS: RefCell<Vec<Option<(Mapping, u32)>>> = const { RefCell::new(Vec::new()) };
    static LEASES: RefCell<Vec<Option<Lease>>> = const { RefCell::new(Vec::new()) };
}

/// An answer as one number.
fn answer(result: Result<u64, ErrorCode>) -> i64 {
    match result {
        Ok(number) => number.cast_signed(),
        Err(code) => -1 - i64::from(code as u8),
    }
}

fn kept<T>(all: &RefCell<Vec<Option<T>>>, made: Result<T, ErrorCode>) -> i64 {
    answer(made.map(|made| {
        all.borrow_mut().push(Some(made));
        all.borrow().len() as u64 - 1
    }))
}

fn part(start: u64, len: u64) -> Window {
    Window { memory: Vec::new(), start, len }
}

fn options(offset: u64, [protection, sharing, coherence]: [u8; 3]) -> MapOptions {
    let protection = [Protection::None, Protection::Read, Protection::ReadWrite][usize::from(protection)];
    let sharing = [Sharing::Shared, Sharing::Private][usize::from(sharing)];
    let coherence = [Coherence::Automatic, Coherence::Leased, Coherence::Aliasing][usize::from(coherence)];
    MapOptions { offset, protection, sharing, coherence, flags: MapFlags::empty() }
}

fn with_object<R>(object: u32, then: impl FnOnce(&Object) -> R) -> R {
    OBJECTS.with_borrow(|all| then(all[object as usize].as_ref().expect("not dropped")))
}

fn with_mapping<R>(mapping: u32, then: impl FnOnce(&Mapping, u32) -> R) -> R {
    MAPPINGS.with_borrow(|all| {
        let (mapping, window) = all[mapping as usize].as_ref().expect("not dropped");
        then(mapping, *window)
    })
}

impl Guest for Program {
    fn count() -> u32 {
        window::count(&[])
    }

    fn size(number: u32) -> i64 {
        answer(window::size(&[], number))
    }

    fn capabilities(number: u32) -> i64 {
        answer(window::capabilities_of(&[], number).map(|can| u64::from(can.bits())))
    }

    fn anonymous(len: u64) -> i64 {
        OBJECTS.with(|all| kept(all, Object::anonymous(len)))
    }

    fn open(letter: u32) -> i64 {
        let name = ["a", "b", "c", "d"][letter as usize];
        OBJECTS.with(|all| kept(all, Object::open(name)))
    }

    fn drop_object(object: u32) {
        OBJECTS.with_borrow_mut(|all| all[object as usize] = None);
    }

    fn bind(
        number: u32,
        start: u64,
        len: u64,
        object: u32,
        offset: u64,
        protection: u8,
        sharing: u8,
        coherence: u8,
    ) -> i64 {
        let options = options(offset, [protection, sharing, coherence]);
        let bound = with_object(object, |object| window::bind(&[], number, start, len, object, options));
        if bound.is_ok() {
            sys::settle(number);
        }
        MAPPINGS.with(|all| kept(all, bound.map(|mapping| (mapping, number))))
    }

    fn rebind(mapping: u32, object: u32, offset: u64, protection: u8, sharing: u8, coherence: u8) -> i64 {
        let options = options(offset, [protection, sharing, coherence]);
        with_mapping(mapping, |mapping, number| {
            let rebound = with_object(object, |object| window::rebind(&part(0, 0), mapping, object, options));
            sys::settle(number);
            answer(rebound.map(|()| 0))
        })
    }

    fn unbind(mapping: u32) -> i64 {
        with_mapping(mapping, |mapping, number| {
            let ended = mapping.unmap(&part(0, 0));
            sys::settle(number);
            answer(ended.map(|()| 0))
        })
    }

    fn drop_mapping(mapping: u32) {
        let number = with_mapping(mapping, |_, number| number);
        MAPPINGS.with_borrow_mut(|all| all[mapping as usize] = None);
        sys::settle(number);
    }

    fn publish(mapping: u32, start: u64, len: u64) -> i64 {
        with_mapping(mapping, |mapping, _| answer(mapping.publish(&part(start, len)).map(|()| 0)))
    }

    fn refresh(mapping: u32, start: u64, len: u64) -> i64 {
        with_mapping(mapping, |mapping, _| answer(mapping.refresh(&part(start, len)).map(|()| 0)))
    }

    fn acquire(mapping: u32, start: u64, len: u64, write: bool) -> i64 {
        let access = if write { Access::Write } else { Access::Read };
        let lease = with_mapping(mapping, |mapping, _| mapping.acquire(&part(start, len), access));
        LEASES.with(|all| kept(all, lease))
    }

    fn release(lease: u32, start: u64, len: u64) -> i64 {
        let lease = LEASES.with_borrow_mut(|all| all[lease as usize].take()).expect("not released");
        answer(Lease::release(lease, &part(start, len)).map(|()| 0))
    }

    fn get(number: u32, at: u64) -> u8 {
        sys::load(at, number).to_le_bytes()[0]
    }

    fn put(number: u32, at: u64, byte: u8) {
        sys::store(at, byte.into(), number);
    }

    fn fill(number: u32, at: u64, len: u64, byte: u8) {
        sys::fill(at, byte.into(), len, number);
    }

    fn sum(number: u32, at: u64, len: u64) -> u64 {
        (0..len).fold(0, |sum, place| {
            u64::wrapping_add(sum, (place + 1).wrapping_mul(sys::load(at + place, number).into()))
        })
    }

    fn sweep() -> u64 {
        sys::sweep()
    }
}
