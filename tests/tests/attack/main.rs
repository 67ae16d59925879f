//! Guests that ask for things and give them up as fast as they can cost their host a bounded amount, whatever the number of rounds.

mod heaps;

use std::time::Instant;

use memctl_tests::hostile::{Hostile, Lowered, MEMORY, RESULT, hostile_component};
use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, Ask, BACKENDS, GRANULE, LEASED, PRIVATE, World};
use memctl_wasmtime::{Mode, Quotas};

const WINDOW: u32 = 0x4_0000;
/// Rounds before what the host spends is looked at, and after.
const WARM_UP: u64 = 2_000;
const ROUNDS: u64 = 20_000;

/// What the process holds: bytes of memory, open files, maps.
#[derive(Clone, Copy, Debug)]
struct Held {
    bytes: u64,
    files: usize,
    maps: usize,
}

impl Held {
    fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("procfs");
        let resident: u64 = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
        Self {
            bytes: resident * memctl_wasmtime::host_page_size(),
            files: std::fs::read_dir("/proc/self/fd").expect("procfs").count(),
            maps: std::fs::read_to_string("/proc/self/maps").expect("procfs").lines().count(),
        }
    }

    /// Not more than before, but for what allocators keep.
    #[track_caller]
    fn assert_about(self, before: Self, what: &str) {
        println!("{what}: {before:?}, then {self:?}");
        assert!(self.bytes <= before.bytes + (8 << 20), "{what}: {before:?}, then {self:?}");
        assert!(self.files <= before.files, "{what}: {before:?}, then {self:?}");
        assert!(self.maps <= before.maps + 50, "{what}: {before:?}, then {self:?}");
    }
}

/// A guest that goes round in its own code. Each export takes the object's handle, a number of rounds and a coherence, and gives the rounds
/// that were left when a call was refused.
fn stormy(world: &World) -> Hostile {
    let map = |coherence: &str| {
        format!(
            "(call $map (i32.const 0) (i32.const 0) (i64.const {WINDOW}) (i64.const {GRANULE}) (local.get 0) (i64.const 0)
                (i32.const 2) (i32.const 0) {coherence} (i32.const 0) (i32.const {RESULT}))
            (if (i32.load8_u (i32.const {RESULT})) (then (return (local.get 1))))
            (local.set $mapping (i32.load offset=4 (i32.const {RESULT})))"
        )
    };
    let part = |handle: &str| {
        format!("(local.get {handle}) (i32.const 0) (i32.const 0) (i64.const {WINDOW}) (i64.const {GRANULE})")
    };
    let result = format!("(i32.const {RESULT})");
    let acquire = format!(
        "(call $acquire {} (i32.const 1) {result})
        (if (i32.load8_u {result}) (then (return (local.get 1))))
        (local.set $lease (i32.load offset=4 {result}))",
        part("$mapping")
    );
    let storms = [
        ("map", format!("{} (call $drop-mapping (local.get $mapping))", map("(local.get 2)"))),
        (
            "unmap",
            format!(
                "{} (call $unmap {} {result}) (call $drop-mapping (local.get $mapping))",
                map("(local.get 2)"),
                part("$mapping")
            ),
        ),
        (
            "lease",
            format!(
                "{} {acquire} (i32.store8 (i32.const {WINDOW}) (local.get 1))
                (call $release {} {result}) (call $drop-mapping (local.get $mapping))",
                map("(i32.const 1)"),
                part("$lease")
            ),
        ),
        (
            "revoke",
            format!(
                "{} {acquire} (call $drop-mapping (local.get $mapping)) (call $drop-lease (local.get $lease))",
                map("(i32.const 1)")
            ),
        ),
        (
            "make",
            format!(
                "(call $anonymous (i64.const 8192) {result})
                (if (i32.load8_u {result}) (then (return (local.get 1))))
                (call $drop-object (i32.load offset=4 {result}))"
            ),
        ),
        ("hoard", format!("{} (local.set $lease (local.get $mapping))", map("(i32.const 1)"))),
    ];
    let (mut core, mut lifts) = (String::new(), String::new());
    for (name, body) in storms {
        core += &format!(
            r#"(func (export "storm-{name}") (param i32 i32 i32) (result i32) (local $mapping i32) (local $lease i32)
                (loop $again {body}
                    (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
                    (br_if $again (local.get 1)))
                i32.const 0)"#
        );
        lifts += &format!(
            r#"(func (export "storm-{name}") (param "object" u32) (param "rounds" u32) (param "how" u32) (result u32)
                (canon lift (core func $g "storm-{name}")))"#
        );
    }
    let lowered: [Lowered; 0] = [];
    let component = hostile_component(world.engine(), "", &lowered, &core, &lifts);
    Hostile::component(world.store(), &component, world.linker())
}

/// The storm costs nothing that lasts, and as much at the end as at the beginning.
#[track_caller]
fn storm(name: &str, coherence: u64) {
    for mode in BACKENDS {
        let world = World::new(mode);
        world.publish("object", GRANULE);
        let mut guest = stormy(&world);
        let object = guest.open("object").into();
        let mut run = |rounds: u64| {
            let start = Instant::now();
            assert_eq!(guest.call(&format!("storm-{name}"), &[object, rounds, coherence]), 0, "no call is refused");
            start.elapsed().as_nanos() / u128::from(rounds)
        };
        let first = run(WARM_UP);
        let before = Held::now();
        let then = run(ROUNDS);
        println!("{name} {coherence}, {mode:?}: {first} ns a round, then {then}");
        Held::now().assert_about(before, name);
        assert!(then <= 10 * first, "{name}: a round took {first} ns, then {then}");
        assert_eq!(guest.usage(), Quotas { objects: 1, ..Quotas::NONE });
    }
}

#[test]
fn storms_cost_nothing_that_lasts() {
    // One test, since what the process holds is everybody's.
    for coherence in [0, 1] {
        storm("map", coherence);
        storm("unmap", coherence);
    }
    for name in ["lease", "revoke", "make"] {
        storm(name, 1);
    }
    guests_that_come_and_go();
    guests_that_fault();
    hoards();
    waits_that_end();
    heaps::storms_on_heaps();
}

fn guests_that_come_and_go() {
    for mode in BACKENDS {
        let world = World::new(mode);
        world.publish("object", GRANULE);
        let component = hostile_component(world.engine(), "", &[], "", "");
        let round = |ask: Ask| {
            let mut guest = Hostile::component(world.store(), &component, world.linker());
            let object = guest.open("object");
            guest.map(WINDOW, GRANULE, object, ask).expect("maps");
            guest.write(WINDOW, &[1]);
        };
        let rounds = |count: usize| (0..count).for_each(|at| round([AUTOMATIC, LEASED, PRIVATE][at % 3]));
        rounds(200);
        let (before, start) = (Held::now(), Instant::now());
        rounds(2000);
        println!("a guest's life, {mode:?}: {} ns", start.elapsed().as_nanos() / 2000);
        Held::now().assert_about(before, "guests that come and go");
        assert_eq!(world.domain.usage(), Quotas::NONE);
    }
}

fn guests_that_fault() {
    let world = World::new(Mode::Alias);
    let path = world.file("file", &[7; 4096]);
    let file = std::fs::File::options().read(true).write(true).open(&path).expect("opens");
    let source = memctl_wasmtime::Source::file(file.try_clone().expect("a descriptor is left"));
    world.domain.publish("file", source, memctl_wasmtime::Rights::all()).expect("published");
    let component = hostile_component(world.engine(), "", &[], "", "");
    let rounds = |count: u32| {
        for round in 0..count {
            file.set_len(GRANULE).expect("longer");
            let mut guest = Hostile::component(world.store(), &component, world.linker());
            let object = guest.open("file");
            guest.map(WINDOW, GRANULE, object, AUTOMATIC).expect("maps");
            file.set_len(0).expect("cut");
            let called = if round % 2 == 0 {
                guest.try_call("load8", &[WINDOW.into()])
            } else {
                guest.try_call("fill", &[WINDOW.into(), 0, 4096])
            };
            called.expect_err("traps");
        }
    };
    rounds(200);
    let (before, start) = (Held::now(), Instant::now());
    rounds(2000);
    println!("the life of a guest that faults: {} ns", start.elapsed().as_nanos() / 2000);
    Held::now().assert_about(before, "guests that fault");
}

/// A guest that keeps all it can get costs what its quotas say, and others no more than a little time.
fn hoards() {
    for mode in BACKENDS {
        let world = World::new(mode);
        world.publish("object", GRANULE);
        let mut hoarder = stormy(&world);
        let object = u64::from(hoarder.open("object"));
        let mut other = stormy(&world);
        let its = u64::from(other.open("object"));
        let mut turn = || {
            let start = Instant::now();
            assert_eq!(other.call("storm-lease", &[its, 2000, 1]), 0);
            start.elapsed().as_nanos() / 2000
        };
        let alone = turn();
        let before = Held::now();
        // Windows may not overlap: the second one is refused, and so is every other.
        assert!(hoarder.call("storm-hoard", &[object, 100_000, 1]) >= 99_998);
        assert!(hoarder.call("grow", &[512]) > 0, "there is room for windows");
        let windows = (MEMORY..).step_by(4096).take(8192);
        let object = u32::try_from(object).expect("small");
        let kept = windows.take_while(|start| hoarder.map(*start, GRANULE, object, LEASED).is_ok()).count();
        assert!((4000..4200).contains(&kept), "the quota is 4,096, and was used");
        let beside = turn();
        println!(
            "a round of another guest, {mode:?}: {alone} ns alone, {beside} ns beside one that hoards {kept} mappings"
        );
        assert!(beside <= 20 * alone + 1_000_000, "{mode:?}: {alone} ns, then {beside}");
        drop(hoarder);
        Held::now().assert_about(before, "a hoard that is gone");
    }
}

/// A guest that waits for what it can't have, again and again: each wait leaves nothing, in the host's tables or in the queue.
fn waits_that_end() {
    for mode in BACKENDS {
        let world = World::new(mode);
        world.publish("object", GRANULE);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("object", GRANULE, LEASED);
        let device = world.domain.device();
        let held = device.lease("object", 0..GRANULE, memctl_wasmtime::Access::Write).expect("nobody else");
        let mut rounds = |count: u64| {
            let start = Instant::now();
            for round in 0..count {
                let access = if round % 2 == 0 { Access::Read } else { Access::Write };
                assert_eq!(guest.acquire_within(mapped, access, round % 3), Err(ErrorCode::TimedOut));
            }
            start.elapsed().as_nanos() / u128::from(count)
        };
        let first = rounds(WARM_UP);
        let before = Held::now();
        let then = rounds(ROUNDS);
        println!("a wait that times out, {mode:?}: {first} ns a round, then {then}");
        Held::now().assert_about(before, "waits that end");
        assert!(then <= 10 * first, "a round took {first} ns, then {then}");
        let usage = world.domain.usage();
        assert_eq!((usage.waiters, usage.leases), (0, 1), "the device's, and nobody waits");
        held.release().expect("live");
        guest.acquire_within(mapped, Access::Write, 0).expect("nobody is in the queue");
    }
}
