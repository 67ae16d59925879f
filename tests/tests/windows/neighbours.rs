//! Several programs with windows in one store.

use memctl_wasmtime::Code;

use crate::scene::{AUTOMATIC, GRANULE, NARROW, Program, on_every_backend};

#[test]
fn each_instance_of_a_store_has_windows_of_its_own() {
    on_every_backend(|scene| {
        let mut store = scene.world.store();
        let (first, second) = (scene.instantiate(&mut store), scene.instantiate(&mut store));
        let mut program = Program { store, bindings: first };
        let a = program.bound(1, 'a', AUTOMATIC);
        program.fill(1, 0, NARROW, 1);
        program.bindings = second;
        // Its windows are zero, and have room.
        assert_eq!(program.sum(1, 0, NARROW), 0);
        let b = program.bound(1, 'b', AUTOMATIC);
        program.fill(1, 0, GRANULE, 2);
        assert_eq!(scene.world.object("b")[0], 2);
        assert_eq!(scene.world.object("a")[0], 1, "the other one's");
        // The other's indexes are its own: here 0 is this one's mapping.
        assert_eq!((a, b), (0, 0));
        program.unbind(b).expect("no lease is held");
        assert_eq!(program.unbind(b), Err(Code::Stale as u32));
        assert_eq!(program.call(|raw, store| raw.call_count(store)), 3);
    });
}
