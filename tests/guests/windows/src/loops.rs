//! Loops to be timed.

use std::cell::RefCell;
use std::hint::black_box;

use memctl_guest::extra::{BoundMut, BoundReadGuard, Number, Number64};
use memctl_guest::{MapOptions, Object, View, ViewMut, Window, Window64};

use crate::Program;
use crate::bindings::exports::memctl::windows_guest::loops::Guest;

struct Prepared {
    object: Object,
    narrow: BoundMut<Number<1>>,
    wide: BoundMut<Number64<3>>,
    plain: Vec<u8>,
    other: Vec<u8>,
}

thread_local! {
    static PREPARED: RefCell<Option<Prepared>> = const { RefCell::new(None) };
}

fn with<R>(then: impl FnOnce(&mut Prepared) -> R) -> R {
    PREPARED.with_borrow_mut(|prepared| then(prepared.as_mut().expect("`prepare` was called")))
}

#[inline(never)]
fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0, |sum, word| u64::wrapping_add(sum, u64::from_le_bytes(*word)))
}

#[inline(never)]
fn sum_narrow(bytes: &BoundReadGuard<'_, Number<1>>) -> u64 {
    let words = u32::try_from(bytes.size() / 8).expect("small");
    (0..words).fold(0, |sum, word| u64::wrapping_add(sum, bytes.peek::<u64>(word * 8)))
}

/// Four words a round, as LLVM makes of `sum`. Of loads that are calls until the program is linked it makes nothing.
#[inline(never)]
fn sum_unrolled(bytes: &BoundReadGuard<'_, Number<1>>) -> u64 {
    let rounds = u32::try_from(bytes.size() / 32).expect("small");
    (0..rounds).fold(0, |sum, round| {
        let words = [0, 8, 16, 24].map(|word| bytes.peek::<u64>(round * 32 + word));
        words.into_iter().fold(sum, u64::wrapping_add)
    })
}

#[inline(never)]
fn sum_wide(bytes: &BoundReadGuard<'_, Number64<3>>) -> u64 {
    (0..bytes.size() / 8).fold(0, |sum, word| u64::wrapping_add(sum, bytes.peek::<u64>(word * 8)))
}

#[inline(never)]
fn sum_checked(bytes: &BoundReadGuard<'_, Number<1>>) -> u64 {
    let word = |word: u64| bytes.load::<u64>(word * 8).expect("inside");
    (0..bytes.size() / 8).fold(0, |sum, at| u64::wrapping_add(sum, word(at)))
}

impl Guest for Program {
    fn prepare(len: u32) {
        PREPARED.set(None);
        let object = Object::open("object").expect("published");
        let options = MapOptions::new().len(len as usize).populate();
        let narrow = Window::<1>::take().and_then(|window| window.bind_mut(&object, options)).expect("there is room");
        let options = options.offset(len.into());
        let wide = Window64::<3>::take().and_then(|window| window.bind_mut(&object, options)).expect("there is room");
        let (plain, other) = (vec![1; len as usize], vec![2; len as usize]);
        PREPARED.set(Some(Prepared { object, narrow, wide, plain, other }));
    }

    fn sum_plain(times: u32) -> u64 {
        with(|prepared| (0..times).fold(0, |all, _| u64::wrapping_add(all, sum(black_box(&prepared.plain)))))
    }

    fn sum_window(times: u32) -> u64 {
        with(|prepared| {
            let bytes = prepared.narrow.read().expect("nobody writes");
            (0..times).fold(0, |all, _| u64::wrapping_add(all, sum_narrow(black_box(&bytes))))
        })
    }

    fn sum_unrolled(times: u32) -> u64 {
        with(|prepared| {
            let bytes = prepared.narrow.read().expect("nobody writes");
            (0..times).fold(0, |all, _| u64::wrapping_add(all, sum_unrolled(black_box(&bytes))))
        })
    }

    fn sum_window64(times: u32) -> u64 {
        with(|prepared| {
            let bytes = prepared.wide.read().expect("nobody writes");
            (0..times).fold(0, |all, _| u64::wrapping_add(all, sum_wide(black_box(&bytes))))
        })
    }

    fn sum_checked(times: u32) -> u64 {
        with(|prepared| {
            let bytes = prepared.narrow.read().expect("nobody writes");
            (0..times).fold(0, |all, _| u64::wrapping_add(all, sum_checked(black_box(&bytes))))
        })
    }

    fn copy_plain(times: u32) {
        with(|prepared| (0..times).for_each(|_| black_box(&mut prepared.other).copy_from_slice(&prepared.plain)));
    }

    fn copy_out(times: u32) {
        with(|prepared| {
            let bytes = prepared.narrow.read().expect("nobody writes");
            (0..times).for_each(|_| bytes.read_at(0, black_box(&mut prepared.other)).expect("as long"));
        });
    }

    fn copy_in(times: u32) {
        with(|prepared| {
            let mut bytes = prepared.narrow.write().expect("nobody else writes");
            (0..times).for_each(|_| bytes.write_at(0, black_box(&prepared.plain)).expect("as long"));
        });
    }

    fn rebind(times: u32) {
        with(|prepared| {
            let len = prepared.narrow.len();
            for at in 0..u64::from(times) {
                let options = MapOptions::new().offset((at + 1) % 2 * len);
                prepared.narrow.rebind(&prepared.object, options).expect("as long");
            }
        });
    }
}
