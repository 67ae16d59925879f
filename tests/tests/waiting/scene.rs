//! Guests with the same object in leased windows.

use std::thread;

use memctl_tests::{GRANULE, Guest, LEASED, Mapped, World};
use memctl_wasmtime::DomainBuilder;

/// Two granules under the name "object", in a domain whose guests may run at the same time; on every backend.
pub(crate) fn on_every_backend(claim: impl Fn(&World)) {
    on_every_backend_with(DomainBuilder::parallel, claim);
}

/// The same, in domains made as `build` says.
pub(crate) fn on_every_backend_with(build: impl Fn(DomainBuilder) -> DomainBuilder, claim: impl Fn(&World)) {
    memctl_tests::on_every_backend_with(build, |world| {
        world.publish("object", 2 * GRANULE);
        claim(world);
    });
}

/// A guest with all of the object in a leased window.
pub(crate) fn guest(world: &World) -> (Guest, Mapped) {
    let mut guest = world.guest();
    let mapped = guest.mapped_by_name("object", 2 * GRANULE, LEASED);
    (guest, mapped)
}

/// The first granule of the window.
pub(crate) fn first(mapped: Mapped) -> Mapped {
    mapped.part(0, GRANULE)
}

/// The second granule of the window.
pub(crate) fn second(mapped: Mapped) -> Mapped {
    mapped.part(GRANULE, GRANULE)
}

/// Returns once so many calls wait for a lease.
pub(crate) fn until_waiting(world: &World, calls: u32) {
    while world.domain.usage().waiters != calls {
        thread::yield_now();
    }
}
