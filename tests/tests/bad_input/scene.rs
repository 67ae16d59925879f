//! What a refused call must leave as it was.

use std::fmt::Debug;

use memctl_tests::probe::ErrorCode;
use memctl_tests::{AUTOMATIC, Answer, GRANULE, Guest, LEASED, Mapped, PRIVATE, World, on_every_backend};
use memctl_wasmtime::{Quotas, Rights, Source};

/// Granules in the arena.
const ARENA: u64 = 8;

/// A guest with a live automatic mapping of the first granule of an object of two and a half, and free memory behind it.
pub(crate) struct Scene<'w> {
    pub(crate) world: &'w World,
    pub(crate) guest: Guest,
    /// The object, with all rights.
    pub(crate) object: u32,
    /// Its live mapping.
    pub(crate) live: Mapped,
    /// Where the free memory starts.
    pub(crate) free: u64,
}

/// The length in bytes of the object: two granules and a half.
pub(crate) const SIZE: u64 = 2 * GRANULE + GRANULE / 2;

/// All that a guest, another guest or the host could see.
#[derive(Debug, PartialEq, Eq)]
struct Shot {
    usage: Quotas,
    domain_usage: Quotas,
    arena: Vec<u8>,
    objects: Vec<(String, Vec<u8>)>,
    file: Vec<u8>,
}

impl<'w> Scene<'w> {
    fn new(world: &'w World) -> Self {
        world.publish("object", SIZE);
        world.publish("other", 4 * GRANULE);
        world.domain.publish("read-only", Source::anonymous(GRANULE), Rights::READ).expect("published");
        world.file("file", &[7; SIZE as usize]);
        let mut guest = world.guest();
        let object = guest.open("object");
        let arena = guest.alloc(u32::try_from(ARENA * GRANULE).expect("small"));
        let pattern: Vec<u8> = (0..ARENA * GRANULE).map(|at| (at % 251).to_le_bytes()[0]).collect();
        guest.write(arena, &pattern);
        let live = guest.try_map(arena, GRANULE, object, AUTOMATIC).expect("the live mapping");
        guest.write(arena, b"live");
        Self { world, guest, object, live, free: arena + GRANULE }
    }

    fn shot(&mut self) -> Shot {
        let object = |name: String| (name.clone(), self.world.object(&name));
        Shot {
            usage: self.guest.usage(),
            domain_usage: self.world.domain.usage(),
            arena: self.guest.read(self.live.start, u32::try_from(ARENA * GRANULE).expect("small")),
            objects: self.world.domain.object_names().into_iter().map(object).collect(),
            file: std::fs::read(self.world.dir.path().join("file")).expect("the file is there"),
        }
    }

    /// The live mapping goes on working, and what was refused works if it is asked for properly.
    #[track_caller]
    fn assert_works(&mut self) {
        let mut other = self.world.guest();
        let seen = other.mapped_by_name("object", GRANULE, AUTOMATIC);
        self.guest.write(self.live.start + 10, b"again");
        assert_eq!(other.read(seen.start + 10, 5), b"again");
        for ask in [LEASED, PRIVATE] {
            let mapped = self.guest.try_map(self.free, GRANULE, self.object, ask).expect("maps");
            self.guest.unmap(mapped).expect("unmaps");
        }
        self.guest.unmap(self.live).expect("unmaps");
    }
}

/// On every backend the call is refused with this code and changes nothing.
#[track_caller]
pub(crate) fn refused<T: Debug>(code: ErrorCode, call: impl Fn(&mut Scene<'_>) -> Answer<T>) {
    refused_after(|_| (), code, |scene, ()| call(scene));
}

/// As [`refused`], after something that is allowed.
#[track_caller]
pub(crate) fn refused_after<P, T: Debug>(
    prepare: impl Fn(&mut Scene<'_>) -> P,
    code: ErrorCode,
    call: impl Fn(&mut Scene<'_>, P) -> Answer<T>,
) {
    on_every_backend(|world| {
        let mut scene = Scene::new(world);
        let prepared = prepare(&mut scene);
        let before = scene.shot();
        match call(&mut scene, prepared) {
            Err(refused) => assert_eq!(refused, code),
            Ok(done) => panic!("should be refused with {code:?}, but gave {done:?}"),
        }
        assert!(scene.shot() == before, "a refused call changed something");
        scene.assert_works();
    });
}

/// As [`refused`], for a window and an object offset, whatever the sharing and coherence.
#[track_caller]
pub(crate) fn refused_window(code: ErrorCode, claim: impl Fn(&mut Scene<'_>) -> (u64, u64, u64)) {
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        refused(code, |scene| {
            let (start, len, offset) = claim(scene);
            scene.guest.try_map(start, len, scene.object, ask.at(offset))
        });
    }
}
