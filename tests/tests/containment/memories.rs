//! A component of two modules, each with its own memory, of which the second one's window is bad.

use memctl_tests::hostile::{Hostile, Lowered, MEMORY_CONTROL, RESULT, inside, inside_as, map_arguments};
use memctl_tests::{AUTOMATIC, Ask, GRANULE, LEASED, PRIVATE};
use wasmtime::component::Component;

use crate::scene::{BAD, Bad, PAGE, SHARED, Scene, WINDOW};

/// The second module's exports start with `two-`.
fn guest(scene: &Scene, ask: Ask) -> Hostile {
    let calls = Lowered::memory_control();
    let wat = format!("(component {MEMORY_CONTROL} {} {})", inside(&calls, "", ""), inside_as("two-", &calls, "", ""));
    let component = Component::new(scene.world.engine(), wat).expect("compiles");
    let mut guest = Hostile::component(scene.world.store(), &component, scene.world.linker());
    let object = guest.open("object");
    guest.map(SHARED, GRANULE, object, AUTOMATIC).expect("maps");
    scene.make_whole();
    for (at, letter) in (0..).zip(b"file") {
        guest.call("two-store8", &[at, u64::from(*letter)]);
    }
    guest.call("two-open", &[0, 4, RESULT.into()]);
    let object = guest.call("two-load64", &[RESULT.into()]) >> 32;
    let object = u32::try_from(object).expect("a handle");
    guest.call("two-map", &map_arguments(WINDOW, 4 * GRANULE, object, ask, RESULT));
    assert_eq!(guest.call("two-load8", &[RESULT.into()]), 0, "it maps");
    scene.cut_off();
    guest
}

#[test]
fn faults_in_the_second_memory_are_contained_too() {
    let mut scene = Scene::new();
    let start = u64::from(BAD.start);
    let calls: [(&str, &[u64]); 5] = [
        ("two-load8", &[start + 1]),
        ("two-fill", &[start, 7, 2 * PAGE as u64]),
        ("two-copy", &[0x8_0000, start, 300]),
        ("two-open", &[start - 1, 4, RESULT as u64]),
        ("two-anonymous", &[GRANULE, start]),
    ];
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        for (name, arguments) in calls {
            let mut guest = guest(&scene, ask);
            // The same addresses of the other memory are good.
            guest.call("fill", &[start, 7, 2 * u64::from(PAGE)]);
            let called = guest.try_call(name, arguments);
            scene.assert_contained(guest, Bad::Gone, name, called);
        }
    }
}
