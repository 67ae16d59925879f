//! Handles that a module makes up, keeps too long, or has from another store.

use memctl_wasmtime::{Domain, Rights, Source};
use wasmtime::{Config, Val};

use crate::module::{Core, GRANULE, RESULT, WINDOW, core, on_every_backend};

/// Protection read-write, shared, leased.
const LEASED: [i32; 3] = [2, 0, 1];

#[track_caller]
fn traps(core: &mut Core, name: &str, arguments: &[Val]) {
    let trap = core.call(name, arguments).expect_err("traps");
    assert!(format!("{trap:?}").contains("handle index"), "{trap:?}");
}

fn part(handle: u32) -> Vec<Val> {
    [Core::part_arguments(handle, WINDOW, GRANULE), vec![Val::I32(RESULT)]].concat()
}

#[test]
fn an_index_that_was_dropped_stands_for_what_took_its_place_or_traps() {
    on_every_backend(|mut core| {
        let object = core.open("object").expect("published");
        core.call("drop object", &[Val::I32(object.cast_signed())]).expect("runs");
        traps(&mut core, "object.len", &[Val::I32(object.cast_signed()), Val::I32(RESULT)]);
        traps(&mut core, "drop object", &[Val::I32(object.cast_signed())]);
        let again = core.open("object").expect("published");
        let mapped = core.ask("mapping.map", &Core::map_arguments(again, GRANULE, LEASED), 4).expect("maps");
        core.call("drop mapping", &[Val::I32(mapped.cast_signed())]).expect("runs");
        let object = core.open("object").expect("published");
        for handle in [mapped, object] {
            for name in ["mapping.publish", "mapping.refresh", "mapping.sync", "mapping.unmap", "lease.release"] {
                traps(&mut core, name, &part(handle));
            }
        }
        assert_eq!(core.ask("object.len", &[Val::I32(object.cast_signed())], 8), Ok(2 * 4096 + 2048));
    });
}

#[test]
fn guessing_indexes_finds_what_is_ones_own_and_nothing_else() {
    on_every_backend(|mut core| {
        let mut config = Config::new();
        core.domain.configure(&mut config).expect("configured");
        let secret = Source::anonymous(77 * 4096);
        core.domain.publish("secret", secret, Rights::all()).expect("published");
        let mut other = self::core(&core.domain, core.mode, &config);
        let theirs: Vec<u32> = (0..20).map(|_| other.open("secret").expect("published")).collect();
        let mine = core.open("object").expect("published");
        let usage = other.store.data().usage();
        for guess in (0..2000).chain((0..64).map(|bit| (1_u64 << bit).cast_signed() as i32)) {
            let len = core.call("object.len", &[Val::I32(guess), Val::I32(RESULT)]);
            match u32::try_from(guess) {
                Ok(guess) if guess == mine => {
                    len.expect("its own");
                    assert_eq!(core.read(RESULT as usize + 8, 8), (2_u64 * 4096 + 2048).to_le_bytes());
                }
                _ => assert!(len.is_err(), "{guess} is nobody's here"),
            }
        }
        traps(&mut core, "drop object", &[Val::I32(theirs[19].cast_signed())]);
        assert_eq!(other.store.data().usage(), usage);
        assert_eq!(other.ask("object.len", &[Val::I32(theirs[19].cast_signed())], 8), Ok(77 * 4096));
    });
}

#[test]
fn indexes_of_another_domain_are_nothing_here() {
    on_every_backend(|mut core| {
        let domain = Domain::builder().mode(core.mode).object("object", Source::anonymous(4096), Rights::all());
        let domain = domain.build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        let mut other = self::core(&domain, core.mode, &config);
        let (mine, theirs) = (core.open("object").expect("published"), other.open("object").expect("published"));
        assert_eq!(mine, theirs, "numbers alike");
        let mapped = core.ask("mapping.map", &Core::map_arguments(mine, GRANULE, LEASED), 4).expect("maps");
        traps(&mut other, "mapping.publish", &part(mapped));
        assert_eq!(other.ask("object.len", &[Val::I32(theirs.cast_signed())], 8), Ok(4096));
        other.call("drop object", &[Val::I32(theirs.cast_signed())]).expect("its own");
        assert_eq!(core.ask("object.len", &[Val::I32(mine.cast_signed())], 8), Ok(2 * 4096 + 2048));
    });
}
