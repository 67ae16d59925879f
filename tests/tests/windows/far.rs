//! Objects that are longer than the guest's memory can be.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use memctl_tests::{Linking, World};
use memctl_wasmtime::{DomainBuilder, Mode, Quotas};

use crate::scene::{Scene, component};

const GIB: u64 = 1 << 30;

/// A sparse file of 5 GiB with markers at odd places: where, and what.
const MARKERS: [(u64, u8); 6] =
    [(0, 1), (GIB + 12_345, 2), (4 * GIB - 1, 3), (4 * GIB, 4), (4 * GIB + 4095, 5), (5 * GIB - 1, 6)];

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * memctl_wasmtime::host_page_size() as u64
}

/// Set in the environment of a process that runs nothing but the test that measures it.
const ALONE: &str = "MEMCTL_TESTS_ALONE";

#[test]
fn a_guest_of_32_bits_sees_all_of_5_gib_and_little_of_it_is_in_memory() {
    // What other tests do would count.
    if std::env::var_os(ALONE).is_none() {
        let name = "far::a_guest_of_32_bits_sees_all_of_5_gib_and_little_of_it_is_in_memory";
        let mut alone = Command::new(std::env::current_exe().expect("it runs"));
        let ended = alone.args(["--exact", name]).env(ALONE, "1").status().expect("it runs again");
        assert!(ended.success(), "{ended}");
        return;
    }
    let quotas = |quotas: Quotas| Quotas { mapped_bytes: 8 * GIB, ..quotas };
    let build = |builder: DomainBuilder| builder.quotas(quotas(Quotas::DOMAIN)).guest_quotas(quotas(Quotas::GUEST));
    let scene = Scene::of(World::with(Mode::Alias, build), component(Linking::Static));
    let path = scene.world.file("far", b"");
    let file = File::options().write(true).open(path).expect("it is there");
    file.set_len(5 * GIB).expect("sparse files can be made");
    for (at, byte) in MARKERS {
        file.write_at(&[byte], at).expect("there is room");
    }
    let mut program = scene.program();
    let before = resident();
    let at: Vec<u64> = MARKERS.iter().map(|(at, _)| *at).chain([1, GIB, 3 * GIB, 5 * GIB - 2]).collect();
    let sum = program.play(|scenes, store| scenes.call_peek_far(store, "/far", &at)).expect("does not trap");
    assert_eq!(sum, MARKERS.iter().map(|(_, byte)| u64::from(*byte)).sum::<u64>());
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more are resident");
}

#[test]
fn a_small_window_slides_over_a_file_on_every_backend() {
    for mode in memctl_tests::BACKENDS {
        let scene = Scene::of(World::new(mode), component(Linking::Static));
        let bytes: Vec<u8> = (0..983_040_u32).map(|at| (at / 7).to_le_bytes()[0]).collect();
        scene.world.file("file", &bytes);
        let expected = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
        let mut program = scene.program();
        let sum = program.play(|scenes, store| scenes.call_slide(store, "/file", 65_536)).expect("does not trap");
        assert_eq!(sum, expected, "on {mode:?}");
    }
}
