//! What the SDK makes of windows, played by the guest itself.

use memctl_tests::{BACKENDS, Linking, World};

use crate::scene::{Program, Scene, Scenes, component};

type Play = fn(&Scenes, &mut wasmtime::Store<memctl_tests::State>) -> wasmtime::Result<()>;

/// Plays a scene on every backend, linked in both ways.
#[track_caller]
fn plays(play: Play) {
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
    plays(Scenes::call_accesses);
}

#[test]
fn code_is_written_once_for_mappings_and_windows() {
    plays(Scenes::call_generic);
}

#[test]
fn a_cursor_reads_writes_and_seeks_in_a_window() {
    plays(Scenes::call_cursors);
}

#[test]
fn guards_hold_leases_and_rebinding_keeps_what_was_there_on_errors() {
    plays(Scenes::call_leases);
}

#[test]
fn a_window_has_one_owner_and_only_what_was_linked_can_be_owned() {
    plays(Scenes::call_owners);
}
