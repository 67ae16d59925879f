//! What the SDK makes of windows, played by the guest itself.

use memctl_tests::{BACKENDS, Linking, State, World};
use wasmtime::Store;

use crate::scene::{Program, Scene, Scenes, component};

/// Plays a scene on every backend, linked in both ways.
#[track_caller]
fn plays(play: fn(&Scenes, &mut Store<State>) -> wasmtime::Result<()>) {
    for linking in [Linking::Static, Linking::Library] {
        for mode in BACKENDS {
            eprintln!("on {mode:?}, {linking:?}");
            let scene = Scene::of(World::new(mode), component(linking));
            let mut program: Program = scene.program();
            program.play(play).expect("as it should be");
        }
    }
}

#[test]
fn every_width_and_every_range_is_loaded_stored_copied_filled_and_compared() {
    plays(|scenes, store| scenes.call_accesses(store));
}

#[test]
fn code_is_written_once_for_mappings_and_windows() {
    plays(|scenes, store| scenes.call_generic(store));
}

#[test]
fn a_cursor_reads_writes_and_seeks_in_a_window() {
    plays(|scenes, store| scenes.call_cursors(store));
}

#[test]
fn guards_hold_leases_and_rebinding_keeps_what_was_there_on_errors() {
    plays(|scenes, store| scenes.call_leases(store));
}

#[test]
fn a_window_has_one_owner_and_only_what_was_linked_can_be_owned() {
    plays(|scenes, store| scenes.call_owners(store));
}
