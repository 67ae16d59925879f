//! Plain loads and stores see the same on every backend, whoever calls whom in between, and however a guest ends.

mod composed;
mod ends;
mod files;
mod growth;
mod memories;
mod nested;

use std::fmt::Debug;

use memctl_tests::World;
use memctl_wasmtime::Mode;

/// What the story tells is the same on every backend.
#[track_caller]
fn the_same_on_every_backend<T: Debug + PartialEq>(story: impl Fn(&World) -> T) {
    let told = [Mode::Alias, Mode::Copy].map(|mode| story(&World::new(mode)));
    assert_eq!(told[0], told[1], "alias, then copy");
}
