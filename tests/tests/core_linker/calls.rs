//! Calls and their results, and what traps.

use memctl_wasmtime::{Code, Domain, Mode, Rights, Source};
use wasmtime::{Config, Val};

use crate::module::{Core, GRANULE, MEMORY, RESULT, WINDOW, core, core_of_64_bits, on_every_backend};

/// Protection read-write, then sharing and coherence by number.
const AUTOMATIC: [i32; 3] = [2, 0, 0];
const LEASED: [i32; 3] = [2, 0, 1];
const ALIASING: [i32; 3] = [2, 0, 2];
const PRIVATE: [i32; 3] = [2, 1, 0];
const WRITE: i32 = 1;

fn window() -> usize {
    usize::try_from(WINDOW).expect("small")
}

fn object(core: &Core, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    core.domain.read_object("object", 0, &mut bytes).expect("read");
    bytes
}

#[test]
fn results_are_where_the_canonical_abi_puts_them() {
    on_every_backend(|mut core| {
        assert!(matches!(core.call("granule", &[]), Ok(Some(Val::I64(GRANULE)))));
        assert_eq!(core.open("object"), Ok(1));
        assert_eq!(core.open("nothing"), Err(Code::NotFound as u32));
        assert_eq!(core.ask("object.anonymous", &[Val::I64(4097)], 4), Ok(2));
        assert_eq!(core.ask("object.anonymous", &[Val::I64(0)], 4), Err(Code::Bounds as u32));
        assert_eq!(core.ask("object.len", &[Val::I32(2)], 8), Ok(4097));
        assert!(matches!(core.call("object.rights", &[Val::I32(1)]), Ok(Some(Val::I32(7)))));
        assert_eq!(core.ask("object.resize", &[Val::I32(2), Val::I64(10)], 1), Ok(0));
        assert_eq!(core.ask("object.resize", &[Val::I32(2), Val::I64(0)], 1), Err(Code::Bounds as u32));

        core.call("usage", &[Val::I32(RESULT)]).expect("runs");
        let numbers: Vec<u64> =
            core.read(RESULT as usize, 40).chunks(8).map(|n| u64::from_le_bytes(n.try_into().expect("8"))).collect();
        // A u32 leaves the four bytes behind it alone, or writes zeros there.
        assert_eq!([numbers[0] & 0xffff_ffff, numbers[1], numbers[2] & 0xffff_ffff, numbers[3]], [2, 10, 0, 0]);
        core.call("sealed", &[Val::I32(0), Val::I32(0), Val::I32(RESULT)]).expect("runs");
        assert_eq!(core.read(RESULT as usize, 16), [0; 16]);
        core.call("drop object", &[Val::I32(2)]).expect("runs");
        assert_eq!(core.store.data().usage().objects, 1);
    });
}

#[test]
fn a_module_protects_discards_and_seals() {
    on_every_backend(|mut core| {
        let range = |at: i64| vec![Val::I32(0), Val::I32(0), Val::I64(WINDOW + at * GRANULE), Val::I64(GRANULE)];
        let protect = |at: i64, protection: i32| [range(at), vec![Val::I32(protection)]].concat();
        let seal = |no_access: i64, read_only: i64| {
            [0, 0].map(Val::I32).into_iter().chain([no_access, read_only].map(Val::I64)).collect::<Vec<_>>()
        };
        core.write(window(), &[7; 8192]);
        core.ask("discard", &range(1), 1).expect("plain memory");
        assert_eq!(core.read(window() + 4095, 2), [7, 0]);
        if core.mode == Mode::Copy {
            let refused = Err(Code::Unsupported as u32);
            assert_eq!(core.ask("protect", &protect(0, 1), 1), refused);
            assert_eq!(core.ask("seal", &seal(0, GRANULE), 8), refused);
            return;
        }
        core.ask("protect", &protect(0, 1), 1).expect("plain memory");
        assert_eq!(core.ask("discard", &range(0), 1), Err(Code::Access as u32));
        assert_eq!(core.ask("protect", &protect(1 << 20, 1), 1), Err(Code::Bounds as u32));
        assert!(core.call("protect", &[protect(0, 3), vec![Val::I32(RESULT)]].concat()).is_err(), "no such protection");
        // Where results go otherwise will be sealed.
        let result = [Val::I32(i32::try_from(WINDOW + 2 * GRANULE).expect("small"))];
        core.call("seal", &[&seal(1, 2 * GRANULE + 1)[..], &result].concat()).expect("runs");
        let bounds = core.read(window() + 8192, 24);
        assert_eq!(bounds[0], 0);
        assert_eq!(bounds[8..], [0_u64.to_le_bytes(), (2 * GRANULE.cast_unsigned()).to_le_bytes()].concat());
    });
    on_every_backend(|mut core| {
        if core.mode == Mode::Copy {
            return;
        }
        let start = i32::try_from(WINDOW).expect("small");
        let arguments = vec![Val::I32(0), Val::I32(0), Val::I64(WINDOW), Val::I64(GRANULE), Val::I32(1)];
        core.ask("protect", &arguments, 1).expect("plain memory");
        core.call("through", &[Val::I32(start - 1), Val::I32(start), Val::I32(9)]).expect("before it, and a load");
        core.call("usage", &[Val::I32(start)]).expect_err("a result is not put there either");
        assert_eq!(
            core.store.data().last_fault().map(|fault| (fault.address, fault.write)),
            Some((WINDOW.cast_unsigned(), Some(true)))
        );
        assert_eq!(core.read(window(), 8), [0; 8]);
    });
}

#[test]
fn a_module_maps_publishes_leases_and_unmaps() {
    on_every_backend(|mut core| {
        let handle = core.open("object").expect("published");
        let mapped = core.ask("mapping.map", &Core::map_arguments(handle, 3 * GRANULE, AUTOMATIC), 4).expect("maps");
        core.call("through", &[Val::I32(WINDOW as i32), Val::I32(WINDOW as i32), Val::I32(42)]).expect("runs");
        assert_eq!(object(&core, 1), [42], "automatic");
        core.domain.write_object("object", 1, &[43]).expect("written");
        let seen = core.call("through", &[Val::I32(0), Val::I32(WINDOW as i32 + 1), Val::I32(0)]);
        assert!(matches!(seen, Ok(Some(Val::I32(43)))));
        for call in ["mapping.publish", "mapping.refresh", "mapping.sync", "mapping.unmap"] {
            core.ask(call, &Core::part_arguments(mapped, WINDOW, 3 * GRANULE), 1).expect(call);
        }
        assert_eq!(
            core.ask("mapping.unmap", &Core::part_arguments(mapped, WINDOW, GRANULE), 1),
            Err(Code::Stale as u32)
        );
        assert_eq!(core.read(window(), 2), [0, 0]);
        core.call("drop mapping", &[Val::I32(mapped.cast_signed())]).expect("runs");

        let mapped = core.ask("mapping.map", &Core::map_arguments(handle, GRANULE, LEASED), 4).expect("maps");
        let part = Core::part_arguments(mapped, WINDOW, GRANULE);
        let write = [part.clone(), vec![Val::I32(WRITE)]].concat();
        let lease = core.ask("mapping.acquire", &write, 4).expect("free");
        assert_eq!(core.ask("mapping.acquire", &write, 4), Err(Code::Busy as u32));
        core.write(window(), b"leased");
        core.ask("lease.release", &Core::part_arguments(lease, WINDOW, GRANULE), 1).expect("releases");
        assert_eq!(object(&core, 6), *b"leased");
        let lease = core.ask("mapping.acquire", &write, 4).expect("free again");
        core.write(window(), b"LEASED");
        core.call("drop lease", &[Val::I32(lease.cast_signed())]).expect("runs");
        assert_eq!(object(&core, 6), *b"LEASED");
        core.call("drop mapping", &[Val::I32(mapped.cast_signed())]).expect("runs");
        assert_eq!(core.store.data().usage().mappings, 0);
    });
}

#[test]
fn leases_are_waited_for_upgraded_and_downgraded() {
    on_every_backend(|mut core| {
        let handle = core.open("object").expect("published");
        let mapped = core.ask("mapping.map", &Core::map_arguments(handle, GRANULE, LEASED), 4).expect("maps");
        let part = |handle: u32| Core::part_arguments(handle, WINDOW, GRANULE);
        let within = |timeout: i64| [part(mapped), vec![Val::I32(0), Val::I64(timeout)]].concat();
        let lease = core.ask("mapping.acquire-within", &within(-1), 4).expect("free");
        let upgrade = [part(lease), vec![Val::I64(0)]].concat();
        core.ask("lease.upgrade", &upgrade, 1).expect("alone");
        core.write(window(), b"up");
        assert_eq!(core.ask("mapping.acquire-within", &within(-1), 4), Err(Code::Deadlock as u32));
        core.ask("lease.downgrade", &part(lease), 1).expect("live");
        assert_eq!(object(&core, 2), *b"up");

        let device = core.domain.device();
        let held = device.lease("object", 0..1, memctl_wasmtime::Access::Read).expect("readers");
        assert_eq!(core.ask("lease.upgrade", &upgrade, 1), Err(Code::TimedOut as u32));
        drop(held);
        core.ask("lease.release", &part(lease), 1).expect("live");
        let held = device.lease("object", 0..1, memctl_wasmtime::Access::Write).expect("free");
        assert_eq!(core.ask("mapping.acquire-within", &within(1), 4), Err(Code::TimedOut as u32));
        assert_eq!(core.ask("mapping.acquire-within", &within(0), 4), Err(Code::TimedOut as u32));
        drop(held);
        core.ask("mapping.acquire-within", &within(0), 4).expect("free");
    });
}

#[test]
fn stores_through_one_aliasing_window_are_loaded_through_another_at_once() {
    on_every_backend(|mut core| {
        let handle = core.open("object").expect("published");
        let mut arguments = Core::map_arguments(handle, GRANULE, ALIASING);
        let first = core.ask("mapping.map", &arguments, 4);
        arguments[2] = Val::I64(WINDOW + GRANULE);
        let second = core.ask("mapping.map", &arguments, 4);
        if core.mode == Mode::Copy {
            assert_eq!([first, second], [Err(Code::Unsupported as u32); 2]);
            return;
        }
        assert!(first.is_ok() && second.is_ok());
        let [one, other] = [WINDOW as i32 + 100, (WINDOW + GRANULE) as i32 + 100];
        let seen = core.call("through", &[Val::I32(one), Val::I32(other), Val::I32(77)]);
        assert!(matches!(seen, Ok(Some(Val::I32(77)))));
    });
}

#[test]
fn what_a_host_function_stores_in_a_window_stays_there() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    on_every_backend(|mut core| {
        let path = folder.path().join("file");
        std::fs::write(&path, [1; 8192]).expect("written");
        let file = std::fs::File::options().read(true).write(true).open(&path).expect("opens");
        core.domain.publish("file", Source::file(file), Rights::all()).expect("published");
        for name in ["object", "file"] {
            let handle = core.open(name).expect("published");
            let mapped =
                core.ask("mapping.map", &Core::map_arguments(handle, 2 * GRANULE, AUTOMATIC), 4).expect("maps");
            core.call("poke", &[Val::I32(WINDOW as i32 + 5), Val::I32(99)]).expect("runs");
            core.call("granule", &[]).expect("runs");
            let seen = core.call("through", &[Val::I32(0), Val::I32(WINDOW as i32 + 5), Val::I32(0)]);
            assert!(matches!(seen, Ok(Some(Val::I32(99)))), "{name}: {seen:?}");
            let mut stored = [0; 6];
            core.domain.read_object(name, 0, &mut stored).expect("read");
            assert_eq!(stored[5], 99, "{name}");
            core.ask("mapping.unmap", &Core::part_arguments(mapped, WINDOW, 2 * GRANULE), 1).expect("unmaps");
        }
        assert_eq!(std::fs::read(&path).expect("read")[5], 99);
    });
}

#[test]
fn a_window_outside_of_the_memory_is_refused() {
    on_every_backend(|mut core| {
        let handle = core.open("object").expect("published");
        for start in [i64::from(MEMORY), i64::from(MEMORY) - GRANULE, 1 << 40, -GRANULE] {
            let mut arguments = Core::map_arguments(handle, 2 * GRANULE, AUTOMATIC);
            arguments[2] = Val::I64(start);
            assert_eq!(core.ask("mapping.map", &arguments, 4), Err(Code::Bounds as u32));
        }
        assert_eq!(core.store.data().usage().mappings, 0);
    });
}

#[test]
fn files_are_unsupported() {
    on_every_backend(|mut core| {
        assert_eq!(core.ask("issue", &[], 8), Err(Code::Unsupported as u32));
        assert_eq!(core.ask("redeem", &[Val::I64(1)], 4), Err(Code::Stale as u32));
    });
}

/// Traps, and says so.
#[track_caller]
fn traps(core: &mut Core, name: &str, arguments: &[Val], why: &str) {
    let trap = core.call(name, arguments).expect_err("traps");
    assert!(format!("{trap:?}").contains(why), "{trap:?}");
}

#[test]
fn a_bad_handle_traps() {
    on_every_backend(|mut core| {
        let object = core.open("object").expect("published").cast_signed();
        for handle in [0, 2, -1, i32::MAX] {
            traps(&mut core, "object.len", &[Val::I32(handle), Val::I32(RESULT)], "handle");
            traps(&mut core, "drop object", &[Val::I32(handle)], "handle");
        }
        traps(&mut core, "drop mapping", &[Val::I32(object)], "not a mapping");
        traps(&mut core, "drop lease", &[Val::I32(object)], "not a lease");
        let part = [Core::part_arguments(object.cast_unsigned(), WINDOW, GRANULE), vec![Val::I32(RESULT)]].concat();
        traps(&mut core, "mapping.publish", &part, "not a mapping");
        traps(&mut core, "lease.release", &part, "not a lease");
        core.call("drop object", &[Val::I32(object)]).expect("it was left alone");
        traps(&mut core, "drop object", &[Val::I32(object)], "handle");
    });
}

#[test]
fn a_bad_case_number_traps() {
    on_every_backend(|mut core| {
        let handle = core.open("object").expect("published");
        for case in [[3, 0, 0], [2, 2, 0], [2, 0, 3], [-1, 0, 0]] {
            let arguments = [Core::map_arguments(handle, GRANULE, case), vec![Val::I32(RESULT)]].concat();
            traps(&mut core, "mapping.map", &arguments, "discriminant");
        }
        let mapped = core.ask("mapping.map", &Core::map_arguments(handle, GRANULE, LEASED), 4).expect("maps");
        let part = Core::part_arguments(mapped, WINDOW, GRANULE);
        traps(&mut core, "mapping.acquire", &[part, vec![Val::I32(2), Val::I32(RESULT)]].concat(), "discriminant");
        assert_eq!(core.store.data().usage().leases, 0);
    });
}

#[test]
fn a_bad_place_for_the_result_traps_before_anything_is_done() {
    on_every_backend(|mut core| {
        let handle = core.open("object").expect("published");
        let before = core.store.data().usage();
        for (to, why) in
            [(RESULT + 1, "aligned"), (MEMORY, "not in the module's memory"), (-4, "not in the module's memory")]
        {
            traps(&mut core, "object.anonymous", &[Val::I64(1), Val::I32(to)], why);
            let map = [Core::map_arguments(handle, GRANULE, PRIVATE), vec![Val::I32(to)]].concat();
            traps(&mut core, "mapping.map", &map, why);
        }
        traps(&mut core, "usage", &[Val::I32(RESULT + 4)], "aligned");
        traps(
            &mut core,
            "object.len",
            &[Val::I32(handle.cast_signed()), Val::I32(MEMORY - 8)],
            "not in the module's memory",
        );
        assert_eq!(core.store.data().usage(), before);
    });
}

#[test]
fn a_bad_name_traps() {
    on_every_backend(|mut core| {
        traps(
            &mut core,
            "object.open",
            &[Val::I32(MEMORY - 1), Val::I32(2), Val::I32(RESULT)],
            "not in the module's memory",
        );
        core.write(0, &[0xff, 0xfe]);
        traps(&mut core, "object.open", &[Val::I32(0), Val::I32(2), Val::I32(RESULT)], "utf-8");
    });
}

#[test]
fn a_memory_that_the_domain_did_not_make_takes_leased_and_private_windows() {
    for mode in [Mode::Auto, Mode::Copy] {
        let source = Source::anonymous(3 * 4096);
        let domain = Domain::builder().mode(mode).object("object", source, Rights::all()).build().expect("built");
        let mut core = core(&domain, mode, &Config::new());
        let can = core.call("capabilities-of", &[Val::I32(0), Val::I32(0)]);
        assert!(matches!(can, Ok(Some(Val::I32(0)))), "the memory is at hand in every call: {can:?}");
        let handle = core.open("object").expect("published");
        let automatic = core.ask("mapping.map", &Core::map_arguments(handle, GRANULE, AUTOMATIC), 4);
        assert_eq!(automatic, Err(Code::Unsupported as u32));
        let mapped = core.ask("mapping.map", &Core::map_arguments(handle, GRANULE, LEASED), 4).expect("maps");
        let part = Core::part_arguments(mapped, WINDOW, GRANULE);
        let lease = core.ask("mapping.acquire", &[part, vec![Val::I32(WRITE)]].concat(), 4).expect("free");
        core.write(window(), b"lent");
        core.ask("lease.release", &Core::part_arguments(lease, WINDOW, GRANULE), 1).expect("releases");
        assert_eq!(object(&core, 4), *b"lent");
        core.ask("mapping.unmap", &Core::part_arguments(mapped, WINDOW, GRANULE), 1).expect("unmaps");
        assert_eq!(core.read(window(), 4), [0; 4]);
        let mut outside = Core::map_arguments(handle, GRANULE, LEASED);
        outside[2] = Val::I64(i64::from(MEMORY));
        assert_eq!(core.ask("mapping.map", &outside, 4), Err(Code::Bounds as u32));
    }
}

#[test]
fn a_memory64_takes_windows_above_four_gibibytes() {
    const FAR: i64 = (4 << 30) + GRANULE;
    on_every_backend(|core| {
        let mut core = core_of_64_bits(&core.domain, core.mode);
        let handle = core.open("object").expect("published");
        let mut arguments = Core::map_arguments(handle, 3 * GRANULE, AUTOMATIC);
        arguments[2] = Val::I64(FAR);
        let mapped = core.ask("mapping.map", &arguments, 4).expect("maps");
        let seen = core.call("through", &[Val::I64(FAR + 3), Val::I64(GRANULE + 3), Val::I32(42)]);
        assert!(matches!(seen, Ok(Some(Val::I32(0)))), "not in the low half");
        assert_eq!(object(&core, 4), [0, 0, 0, 42]);
        core.ask("mapping.unmap", &Core::part_arguments(mapped, FAR, 3 * GRANULE), 1).expect("unmaps");
        let seen = core.call("through", &[Val::I64(0), Val::I64(FAR + 3), Val::I32(0)]);
        assert!(matches!(seen, Ok(Some(Val::I32(0)))));
    });
}
