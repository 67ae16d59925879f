//! A base against a model of what the engine goes by.

use memctl_core::{Granule, Storage};
use proptest::prelude::*;

use super::*;
use crate::buffer::Buffer;

const PAGE: u64 = 1 << 16;

fn base() -> Arc<Base> {
    let home = Arc::new(Reservation::new(1 << 16, 3 << 16, 0).expect("room"));
    let base = Base::new(home, Seat::Free { below: 3 << 16 }, 0);
    base.trusted.store(true, Ordering::Relaxed);
    base
}

fn buffer() -> Buffer {
    Buffer::new(PAGE, Granule::new(4096).expect("a power of two")).expect("small")
}

/// What the engine asks a memory, by what the guest does. Gives the base, if the engine goes by that from then on.
fn asks(base: &Base, deed: Deed) -> Option<*mut u8> {
    match deed {
        Deed::GrowBy0 => {
            base.note(Asked::Size);
            let address = base.address();
            base.note(Asked::Size);
            Some(address)
        }
        Deed::GrowMore => {
            base.note(Asked::Size);
            base.address();
            base.note(Asked::Other);
            base.note(Asked::Other);
            let address = base.address();
            base.note(Asked::Size);
            Some(address)
        }
        Deed::Notify => {
            base.address();
            base.note(Asked::Size);
            None
        }
        Deed::Fault => {
            base.address();
            base.note(Asked::Other);
            base.note(Asked::Size);
            None
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    GrowBy0,
    GrowMore,
    Notify,
    Fault,
}

#[test]
fn a_window_settles_by_a_growth_by_0_that_is_a_call_and_by_nothing_else() {
    for (deed, heard, settles) in [
        (Deed::GrowBy0, true, true),
        (Deed::GrowBy0, false, false),
        (Deed::GrowMore, true, false),
        (Deed::Notify, true, false),
        (Deed::Fault, true, false),
    ] {
        let (base, buffer) = (base(), buffer());
        base.put(buffer.bytes(), 0).expect("it fits");
        if heard {
            base.listen();
        }
        asks(&base, deed);
        assert_eq!(base.is_unsettled(), !settles, "{deed:?}");
    }
}

#[test]
fn two_notifications_are_no_growth() {
    let (base, buffer) = (base(), buffer());
    base.put(buffer.bytes(), 0).expect("it fits");
    base.listen();
    asks(&base, Deed::Notify);
    asks(&base, Deed::Notify);
    assert!(base.is_unsettled());
}

#[test]
fn what_does_not_fit_is_not_shown() {
    let (base, buffer) = (base(), buffer());
    assert!(base.put(buffer.bytes(), 4096).is_err());
    assert!(base.put(buffer.bytes(), u64::MAX).is_err());
    assert!(!base.is_unsettled());
    base.home().grow(3 << 16).expect("room");
    assert!(base.put(buffer.bytes(), 0).is_err(), "at its maximum it stays at home");
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![Just(Deed::GrowBy0), Just(Deed::GrowMore), Just(Deed::Notify), Just(Deed::Fault)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is shown, asked and heard: what the engine goes by is there, and where nothing is unsettled it is what is shown.
    #[test]
    fn what_the_engine_goes_by_is_held(
        steps in proptest::collection::vec((0..4_usize, deed(), any::<bool>()), 1..40),
    ) {
        let base = base();
        let mut goes_by = base.home().base();
        let mut shown = goes_by;
        let mut buffers: Vec<Option<Buffer>> = vec![None, None, None];
        for (step, deed, heard) in steps {
            match buffers.get_mut(step) {
                // The object goes, or a new one is shown.
                Some(object @ Some(_)) => *object = None,
                Some(object) => {
                    let buffer = object.insert(buffer());
                    base.put(buffer.bytes(), 0).expect("it fits");
                    shown = buffer.bytes().address(0);
                }
                None => {
                    base.put_home();
                    shown = base.home().base();
                }
            }
            if heard {
                base.listen();
            }
            if let Some(address) = asks(&base, deed) {
                goes_by = address;
            }
            base.stop_listening();
            let state = base.lock();
            let held = state.told.iter().any(|told| told.address(0) == goes_by);
            prop_assert!(held || goes_by == base.home().base());
            prop_assert!(state.is_unsettled() || goes_by == shown);
        }
        drop(buffers);
        prop_assert!(base.lock().told.iter().all(|told| told.len() as u64 == PAGE));
    }
}

#[test]
fn a_buffer_goes_when_neither_object_nor_engine_has_it() {
    let base = base();
    let mut buffer = buffer();
    base.put(buffer.bytes(), 0).expect("it fits");
    base.listen();
    asks(&base, Deed::GrowBy0);
    base.put_home();
    assert!(buffer.set_size(2 * PAGE).is_err(), "the engine still goes by it");
    base.listen();
    asks(&base, Deed::GrowBy0);
    buffer.set_size(2 * PAGE).expect("nobody has it");
    assert!(base.can_grow());
}
