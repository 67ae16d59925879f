//! Bytes that nobody can write, shown where they are.

use memctl_wasmtime::{Error, Rights, Source};

use crate::scene::{AUTOMATIC, IN_PLACE, LEASED, READ, Scene, WINDOW};

const LEN: usize = 0x1_0000;
static FLASH: [u8; LEN] = {
    let mut bytes = [7; LEN];
    bytes[9] = 8;
    bytes
};
const ACCESS: Result<u32, u32> = Err(3);

fn publish(scene: &Scene) {
    scene.domain.publish("flash", Source::read_only(&FLASH), Rights::READ).expect("a new name");
}

#[test]
fn flash_is_shown_without_a_copy_and_a_store_traps() {
    for kind in IN_PLACE {
        eprintln!("on {kind:?}");
        let scene = Scene::checked(kind);
        publish(&scene);
        let mut guest = scene.guest();
        let flash = guest.open("flash");
        guest.bind(1, flash, 0, READ).expect("the code's own checks see to it");
        assert_eq!((guest.load(1, 8), guest.load(1, 9)), (7, 8));
        let stats = scene.stats();
        assert_eq!((stats.in_place, stats.bytes_copied), (1, 0), "{stats:?}");
        guest.try_call("store1", &[wasmtime::Val::I32(9), wasmtime::Val::I32(1)]).expect_err("traps");
        assert_eq!((FLASH[9], scene.byte("flash", 9)), (8, 8));
        let fault = guest.store.data().last_fault().expect("the check noted it");
        assert_eq!((fault.address, fault.write), (9, Some(true)));
    }
}

#[test]
fn without_checks_it_is_copied_or_refused() {
    for kind in IN_PLACE {
        eprintln!("on {kind:?}");
        let scene = Scene::new(kind, |_| {}, "1 3");
        publish(&scene);
        let mut guest = scene.guest();
        let flash = guest.open("flash");
        for writable in [AUTOMATIC, LEASED] {
            assert_eq!(guest.bind(1, flash, 0, writable), ACCESS, "published for reading");
        }
        assert!(guest.bind(1, flash, 0, READ).is_err(), "nothing holds the guest to it");
        assert_eq!(scene.stats().in_place, 0);
    }
}

#[test]
fn nobody_writes_it() {
    let scene = Scene::new(IN_PLACE[0], |_| {}, "1 3");
    let refused = scene.domain.publish("flash", Source::read_only(&FLASH), Rights::READ | Rights::WRITE);
    assert!(matches!(refused, Err(Error::Access { .. })), "{refused:?}");
    publish(&scene);
    assert!(matches!(scene.domain.write_object("flash", 0, &[1]), Err(Error::Access { .. })));
    assert!(scene.domain.publish("nothing", Source::read_only(&[]), Rights::READ).is_err());
    assert_eq!(scene.domain.object_size("flash").expect("published"), WINDOW);
    assert_eq!(scene.byte("flash", 9), 8);
}
