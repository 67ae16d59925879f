//! Random programs of two guests do the same in place as on copies and on aliases.

use proptest::prelude::*;

use crate::scene::{AUTOMATIC, GRANULE, Guest, KINDS, Kind, PRIVATE, Scene, WINDOW};

const OBJECTS: [&str; 4] = ["a", "b", "short", "long"];

#[derive(Clone, Debug)]
enum Step {
    Bind { guest: usize, window: i32, object: usize, offset: u64, private: bool },
    Rebind { guest: usize, window: i32, object: usize, offset: u64, private: bool },
    Unmap { guest: usize, window: i32 },
    Load { guest: usize, window: i32, at: u64 },
    Store { guest: usize, window: i32, at: u64, value: i32 },
    Write { object: usize, at: u64, value: u8 },
    Read { object: usize, at: u64 },
}

fn address() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![0..4_u64, WINDOW - GRANULE / 2 - 2..WINDOW - GRANULE / 2 + 2, GRANULE - 2..GRANULE + 2]
}

fn offset() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![4 => Just(0), 1 => Just(GRANULE), 1 => Just(WINDOW)]
}

fn step() -> impl Strategy<Value = Step> {
    let (guest, window, object) = (0..2_usize, 1..3_i32, 0..OBJECTS.len());
    let shown = (guest.clone(), window.clone(), object.clone(), offset(), prop::bool::weighted(0.2));
    let place = (guest.clone(), window.clone(), address());
    prop_oneof![
        3 => shown.clone().prop_map(|(guest, window, object, offset, private)| Step::Bind { guest, window, object, offset, private }),
        2 => shown.prop_map(|(guest, window, object, offset, private)| Step::Rebind { guest, window, object, offset, private }),
        1 => (guest, window).prop_map(|(guest, window)| Step::Unmap { guest, window }),
        4 => place.clone().prop_map(|(guest, window, at)| Step::Load { guest, window, at }),
        5 => (place, 1..100).prop_map(|((guest, window, at), value)| Step::Store { guest, window, at, value }),
        1 => (object.clone(), address(), 100..200_u8).prop_map(|(object, at, value)| Step::Write { object, at, value }),
        1 => (object, address()).prop_map(|(object, at)| Step::Read { object, at }),
    ]
}

/// All that the program, and the host after it, can see.
fn run(kind: Kind, steps: &[Step]) -> (Vec<i64>, Vec<Vec<u8>>) {
    let scene = Scene::new(kind, |_| {}, "1 3");
    let mut guests = [scene.guest(), scene.guest()];
    let handles: Vec<Vec<u32>> =
        guests.iter_mut().map(|guest| OBJECTS.iter().map(|name| guest.open(name)).collect()).collect();
    let mut mappings = [[None; 3]; 2];
    let answer = |answer: Result<u32, u32>| answer.map_or_else(|code| -1 - i64::from(code), |_| 0);
    let ask = |private| if private { PRIVATE } else { AUTOMATIC };
    let at_window = |window: i32| usize::try_from(window).expect("1 or 2");
    let mut seen = Vec::new();
    for step in steps {
        seen.push(match *step {
            Step::Bind { guest, window, object, offset, private } => {
                let bound = guests[guest].bind(window, handles[guest][object], offset, ask(private));
                if let Ok(mapping) = bound {
                    mappings[guest][at_window(window)] = Some(mapping);
                }
                answer(bound)
            }
            Step::Rebind { guest, window, object, offset, private } => mappings[guest][at_window(window)]
                .map_or(-100, |mapping| {
                    answer(guests[guest].rebind(mapping, handles[guest][object], offset, ask(private)))
                }),
            Step::Unmap { guest, window } => mappings[guest][at_window(window)].take().map_or(-100, |mapping| {
                let unmapped = answer(guests[guest].unmap(mapping));
                guests[guest].drop_mapping(mapping);
                unmapped
            }),
            Step::Load { guest, window, at } => guests[guest].load(window, at).into(),
            Step::Store { guest, window, at, value } => {
                guests[guest].store(window, at, value);
                0
            }
            Step::Write { object, at, value } => {
                scene.domain.write_object(OBJECTS[object], at, &[value]).expect("nobody is inside");
                0
            }
            Step::Read { object, at } => scene.byte(OBJECTS[object], at).into(),
        });
    }
    drop::<[Guest; 2]>(guests);
    (seen, OBJECTS.iter().map(|name| scene.bytes(name)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_program_does_the_same_in_place_on_copies_and_on_aliases(steps in proptest::collection::vec(step(), 1..60)) {
        let [alias, others @ ..] = KINDS.map(|kind| (kind, run(kind, &steps)));
        for (kind, other) in others {
            prop_assert_eq!(&alias.1.0, &other.0, "{:?}", kind);
            prop_assert!(alias.1.1 == other.1, "objects differ on {:?}", kind);
        }
    }
}
