//! Windows that may only be read.

use memctl_tests::{Linking, World};
use memctl_wasmtime::{Code, Mode, Rights, Source};

use crate::scene::{Answer, GRANULE, Program, READ_ONLY, Scene, component};

/// A program whose window 1 shows "a", which is full of sevens, for reading.
fn bound(scene: &Scene) -> Answer<Program> {
    scene.world.domain.publish("a", Source::anonymous(4 * GRANULE), Rights::all()).expect("a new name");
    scene.world.domain.write_object("a", 0, &[7; 4 * 4096]).expect("free");
    let mut program = scene.program();
    let object = program.open('a');
    program.try_bind(1, (GRANULE, 4 * GRANULE), (object, 0), READ_ONLY)?;
    Ok(program)
}

/// Loads work, and a store traps with its address and changes nothing.
#[track_caller]
fn can_be_read_only(scene: &Scene) {
    let mut program = bound(scene).expect("protected");
    assert_eq!(program.load(1, 2 * GRANULE), 7);
    program.store(1, 0, 1);
    let at = 3 * GRANULE + 5;
    let trap = program.try_call(|raw, store| raw.call_put(store, 1, at, 9)).expect_err("traps");
    let fault = program.store.data().memctl.last_fault().expect("it was noted");
    assert_eq!((fault.address, fault.write), (at, Some(true)), "{trap:?}");
    assert_eq!(scene.world.object("a"), [7; 4 * 4096]);
}

#[test]
fn by_host_pages_a_store_traps_with_its_address() {
    can_be_read_only(&Scene::of(World::new(Mode::Alias), component(Linking::Static)));
}

#[test]
fn by_checks_a_store_traps_with_its_address() {
    let options = memctl_instrument::Options::default();
    let checked = memctl_instrument::instrument(component(Linking::Static), &options).expect("it can be instrumented");
    for mode in [Mode::Copy, Mode::Alias] {
        eprintln!("on {mode:?}");
        can_be_read_only(&Scene::of(World::new(mode), &checked.wasm));
    }
}

#[test]
fn where_nothing_protects_it_is_unsupported() {
    let scene = Scene::of(World::new(Mode::Copy), component(Linking::Static));
    assert_eq!(bound(&scene).err(), Some(Code::Unsupported as u32));
}
