//! Loops to be timed.

use std::cell::RefCell;
use std::hint::black_box;

use memctl_guest::extra::{BoundMut, Number, Number64};
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
            let end = u32::try_from(bytes.size()).expect("small");
            (0..times).fold(0, |all, _| {
                (0..end).step_by(8).fold(all, |sum, at| u64::wrapping_add(sum, bytes.peek::<u64>(at)))
            })
        })
    }

    fn sum_window64(times: u32) -> u64 {
        with(|prepared| {
            let bytes = prepared.wide.read().expect("nobody writes");
            (0..times).fold(0, |all, _| {
                (0..bytes.size()).step_by(8).fold(all, |sum, at| u64::wrapping_add(sum, bytes.peek::<u64>(at)))
            })
        })
    }

    fn sum_checked(times: u32) -> u64 {
        with(|prepared| {
            let bytes = prepared.narrow.read().expect("nobody writes");
            (0..times).fold(0, |all, _| {
                let word = |at| bytes.load::<u64>(at).expect("inside");
                (0..bytes.size()).step_by(8).fold(all, |sum, at| u64::wrapping_add(sum, word(at)))
            })
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
