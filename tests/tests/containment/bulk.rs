//! Instructions that touch many bytes, some of them as host code.

use memctl_tests::AUTOMATIC;

use crate::scene::{BAD, Bad, Maker, PAGE, Scene, WINDOW};

/// Lengths at which an engine may choose another way, and those around a host page.
const LENS: [u32; 9] = [1, 7, 127, 128, 129, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE];

/// Ranges that touch at least one bad byte: at its first and its last, inside, and over each edge.
fn ranges() -> Vec<(u32, u32)> {
    let mut ranges = Vec::new();
    for len in LENS {
        ranges.extend([(BAD.start, len), (BAD.end - len, len)]);
        ranges.extend([(BAD.start + 1 - len, len), (BAD.end - 1, len)]);
    }
    ranges.extend([(WINDOW - PAGE, 8 * PAGE), (BAD.start, 4 * PAGE), (WINDOW + PAGE, 2 * PAGE)]);
    ranges.sort_unstable();
    ranges.dedup();
    ranges
}

/// Good bytes elsewhere.
const ELSEWHERE: u64 = 0x8_0000;

/// What is stored is what the file holds, so that stores to its good part change nothing.
fn on_modules_and_components(act: impl Fn(&mut memctl_tests::hostile::Hostile, &(u32, u32)) -> wasmtime::Result<u64>) {
    let mut scene = Scene::new();
    for maker in [Maker::plain_component(&scene), Maker::module(&scene, "")] {
        maker.contains(&mut scene, &ranges(), |guest, range| {
            guest.call("fill", &[ELSEWHERE, 7, 0x1_0000]);
            act(guest, range)
        });
    }
}

#[test]
fn memory_fill_traps() {
    on_modules_and_components(|guest, &(at, len)| guest.try_call("fill", &[at.into(), 7, len.into()]));
}

#[test]
fn memory_copy_into_it_traps() {
    on_modules_and_components(|guest, &(at, len)| guest.try_call("copy", &[at.into(), ELSEWHERE, len.into()]));
}

#[test]
fn memory_copy_out_of_it_traps() {
    on_modules_and_components(|guest, &(at, len)| guest.try_call("copy", &[ELSEWHERE, at.into(), len.into()]));
}

#[test]
fn memory_copy_within_it_traps_in_both_directions() {
    for (to, from) in [(1, 0), (0, 1)] {
        on_modules_and_components(|guest, &(at, len)| {
            // The file's own bytes stay out of it: one of them would take a zero from behind the edge.
            let at = at.max(if to > from { BAD.start - PAGE / 2 } else { BAD.start });
            guest.try_call("copy", &[(at + to).into(), (at + from).into(), len.into()])
        });
    }
}

#[test]
fn memory_init_traps() {
    let bytes = r"\07".repeat(8 * PAGE as usize);
    let core = format!(
        r#"(data $bytes "{bytes}")
        (func (export "init") (param i32 i32) local.get 0 i32.const 0 local.get 1 (memory.init $bytes))"#
    );
    let mut scene = Scene::new();
    let maker = Maker::module(&scene, &core);
    maker.contains(&mut scene, &ranges(), |guest, &(at, len)| guest.try_call("init", &[at.into(), len.into()]));
}

#[test]
fn no_bytes_at_all_are_no_fault() {
    let mut scene = Scene::new();
    let maker = Maker::module(&scene, "");
    let mut guest = maker.guest(&scene);
    scene.spoil(&mut guest, AUTOMATIC, Bad::Gone);
    for at in [BAD.start, BAD.start + 5, BAD.end] {
        guest.call("fill", &[at.into(), 1, 0]);
        guest.call("copy", &[at.into(), ELSEWHERE, 0]);
        guest.call("copy", &[ELSEWHERE, at.into(), 0]);
    }
    assert_eq!(guest.store.data().memctl.last_fault(), None);
    scene.assert_others_go_on("nothing happened");
}

#[test]
fn loads_and_stores_of_every_width_trap() {
    const WIDTHS: [(&str, u32); 8] = [
        ("i32.load8_u", 1),
        ("i32.load", 4),
        ("i64.load", 8),
        ("f64.load", 8),
        ("v128.load", 16),
        ("v128.load8_splat", 1),
        ("v128.load32_zero", 4),
        ("v128.load8x8_s", 8),
    ];
    let mut core = String::new();
    let mut cases = Vec::new();
    for (at, (load, width)) in WIDTHS.into_iter().enumerate() {
        core += &format!(r#"(func (export "load-{at}") (param i32) local.get 0 {load} align=1 drop)"#);
        cases.extend([BAD.start, BAD.start + 1 - width, BAD.end - 1].map(|address| (format!("load-{at}"), address)));
    }
    for (at, (store, value, width)) in
        [("i32.store8", "i32.const 1", 1), ("i64.store", "i64.const 1", 8), ("v128.store", "v128.const i64x2 1 1", 16)]
            .into_iter()
            .enumerate()
    {
        core += &format!(r#"(func (export "store-{at}") (param i32) local.get 0 {value} {store} align=1)"#);
        cases.extend([BAD.start, BAD.start + 1 - width, BAD.end - 1].map(|address| (format!("store-{at}"), address)));
    }
    let mut scene = Scene::new();
    let maker = Maker::module(&scene, &core);
    maker.contains(&mut scene, &cases, |guest, (name, address)| guest.try_call(name, &[(*address).into()]));
}

#[test]
fn atomic_instructions_trap() {
    const CORE: &str = r#"
        (func (export "load") (param i32) local.get 0 i64.atomic.load drop)
        (func (export "store") (param i32) local.get 0 i64.const 1 i64.atomic.store)
        (func (export "add") (param i32) local.get 0 i32.const 1 i32.atomic.rmw.add drop)
        (func (export "narrow") (param i32) local.get 0 i32.const 1 i32.atomic.rmw8.xchg_u drop)
        (func (export "exchange") (param i32) local.get 0 i64.const 0 i64.const 1 i64.atomic.rmw.cmpxchg drop)"#;
    let mut cases = Vec::new();
    for name in ["load", "store", "add", "narrow", "exchange"] {
        cases.extend([BAD.start, BAD.end - 8].map(|address| (name, address)));
    }
    let mut scene = Scene::new();
    let maker = Maker::module(&scene, CORE);
    maker.contains(&mut scene, &cases, |guest, &(name, address)| guest.try_call(name, &[address.into()]));
}

#[test]
fn waking_nobody_there_is_no_way_out() {
    const CORE: &str = r#"
        (func (export "notify") (param i32) (result i32) local.get 0 i32.const 1 memory.atomic.notify)
        (func (export "wait") (param i32) local.get 0 i32.const 0 i64.const 0 memory.atomic.wait32 drop)"#;
    let mut scene = Scene::new();
    let maker = Maker::module(&scene, CORE);
    for bad in Bad::OF_MODULES {
        let mut guest = maker.guest(&scene);
        scene.spoil(&mut guest, AUTOMATIC, bad);
        assert_eq!(guest.call("notify", &[BAD.start.into()]), 0, "nobody waits, and nothing is read");
        let trap = guest.try_call("wait", &[BAD.start.into()]).expect_err("a memory of its own");
        assert_eq!(trap.downcast_ref::<wasmtime::Trap>(), Some(&wasmtime::Trap::AtomicWaitNonSharedMemory));
        let called = guest.try_call("load8", &[BAD.start.into()]);
        scene.assert_contained(guest, bad, "afterwards", called);
    }
}

#[test]
fn a_memory_grows_while_pages_of_it_are_bad() {
    let mut scene = Scene::new();
    let maker = Maker::module(&scene, "");
    maker.contains(&mut scene, &[BAD.start, BAD.end - 1], |guest, &address| {
        assert_eq!(guest.call("grow", &[16]), u64::from(memctl_tests::hostile::MEMORY >> 16));
        guest.write(memctl_tests::hostile::MEMORY + 5, b"new");
        assert_eq!(guest.read(memctl_tests::hostile::MEMORY + 4, 5), b"\0new\0");
        guest.try_call("load8", &[address.into()])
    });
}
