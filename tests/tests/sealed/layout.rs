//! What the linker puts between the null page and the mark at the end of the constants is constants.

use memctl_core::{Bounds, Declaration, Granule};
use memctl_tests::{Profile, guest_wasm_in};

use crate::image::Image;

/// What the guest's build.rs asks the linker for.
const BASE: u64 = 65536;

fn image(profile: Profile, target: &str, program: &str) -> Image {
    let package = if program == "guest-command" { program } else { "guest-sealed" };
    let wasm = guest_wasm_in(profile, package, target, &format!("{program}.wasm"));
    Image::parse(&std::fs::read(wasm).expect("it was built"))
}

fn in_every_build(claim: impl Fn(&dyn Fn(&str) -> Image)) {
    for profile in [Profile::Dev, Profile::Release] {
        for target in ["wasm32-wasip1", "wasm32-wasip2"] {
            eprintln!("{profile:?} {target}");
            claim(&|program| image(profile, target, program));
        }
    }
}

#[test]
fn below_the_mark_there_are_constants_only() {
    in_every_build(|image| {
        let image = image("guest-sealed");
        let end = image.segment(".rodata_memctl_end").place.start;
        assert!(end.is_multiple_of(4096), "{end:#x}");
        let below: Vec<_> = image.segments.iter().filter(|segment| segment.place.start < end).collect();
        assert!(below.iter().all(|segment| segment.name == ".rodata" && segment.place.end <= end), "{below:?}");
        let constants = image.segment(".rodata");
        assert_eq!(constants.place.start, BASE, "nothing lies in the null page");
        assert!(end - constants.place.end < 4096, "{constants:?} goes up to the mark");
    });
}

#[test]
fn variables_lie_above_the_mark() {
    in_every_build(|image| {
        let image = image("guest-sealed");
        let end = image.segment(".rodata_memctl_end").place.start;
        assert!(image.segment(".data").place.start > end);
        let above = image.segments.iter().filter(|segment| segment.place.start > end);
        assert!(above.clone().count() > 0 && above.into_iter().all(|segment| !segment.name.starts_with(".rodata")));
    });
}

#[test]
fn tools_that_read_segments_find_the_same_end() {
    for target in ["wasm32-wasip1", "wasm32-wasip2"] {
        let wasm = guest_wasm_in(Profile::Release, "guest-sealed", target, "guest-sealed.wasm");
        let wasm = std::fs::read(wasm).expect("it was built");
        let end = Image::parse(&wasm).segment(".rodata_memctl_end").place.start;
        let found = memctl_instrument::rodata(&wasm).expect("constants come first");
        assert_eq!(found.rounded(Granule::DEFAULT), Bounds { no_access: BASE, read_only: end }, "{target}");
    }
}

#[test]
fn a_program_that_seals_nothing_has_no_marks() {
    in_every_build(|image| {
        let image = image("guest-command");
        assert!(image.segments.iter().all(|segment| segment.name != ".rodata_memctl_end"), "{image:?}");
    });
}

#[test]
fn a_declaration_survives_the_linker() {
    in_every_build(|image| {
        let bounds = Bounds { no_access: BASE, read_only: BASE };
        assert_eq!(Declaration::parse(&image("guest-declared").declared), Ok(vec![Declaration { memory: 0, bounds }]));
        assert!(image("guest-sealed").declared.is_empty());
    });
}
