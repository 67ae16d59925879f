//! Storms on shared heaps: what a guest allocates, attaches, hands round to itself and asks for in vain costs a bounded amount, whatever the number of rounds.

use std::fmt::Write;
use std::time::Instant;

use memctl_tests::{BACKENDS, State, World};
use memctl_wasmtime::{HeapOptions, Mode, Quotas, Source, add_to_core_linker_sync};
use wasmtime::{Instance, Linker, Module, Store};

use crate::{Held, ROUNDS, WARM_UP};

/// Name and parameters of the functions that the guest imports. The last parameter is where the result goes.
const CALLS: &[(&str, &str)] = &[
    ("open", "i32 i32 i32"),
    ("attach", "i64 i32 i32 i32 i64 i32 i32"),
    ("detach", "i64 i32"),
    ("alloc", "i64 i64 i64 i32"),
    ("free", "i64 i64 i64 i64 i32"),
    ("share", "i64 i64 i64 i64 i32"),
    ("unshare", "i64 i64 i64 i64 i32"),
    ("give", "i64 i64 i64 i64 i32"),
    ("take", "i64 i64 i64 i64 i32"),
    ("resolve", "i64 i64 i64 i64 i32"),
    ("release", "i64 i64 i64 i64 i32"),
    ("send", "i64 i32 i64 i64 i64 i64 i32"),
    ("receive", "i64 i32 i64 i32"),
];

/// Where results go, and the payload of one.
const RESULT: usize = 256;
const TOKEN: usize = RESULT + 8;
/// Where the heap is attached.
const WINDOW: i64 = 0x1_0000;
/// Length of the heap in bytes.
const LEN: u64 = 64 << 10;

/// The token at [`TOKEN`], field by field.
const BLOCK: &str =
    "(i64.load (i32.const 264)) (i64.load (i32.const 272)) (i64.load (i32.const 280)) (i64.load (i32.const 288))";

/// The name and one round of each storm. `$heap` is the heap. What is refused ends it.
fn storms() -> Vec<(&'static str, String)> {
    // Somewhere else than the token.
    let unit = "(i32.const 512)";
    let go_on = format!("(if (i32.load8_u {unit}) (then (return (local.get $rounds))))");
    let on_block = |name: &str| format!("(call ${name} {BLOCK} {unit}) {go_on}");
    let refused = format!("(if (i32.load8_u (i32.const {RESULT})) (then (return (local.get $rounds))))");
    let zero = "(i32.const 0)";
    let alloc = format!("(call $alloc (local.get $heap) (i64.const 64) (i64.const 16) (i32.const {RESULT})) {refused}");
    let attach = format!(
        "(call $attach (local.get $heap) {zero} {zero} {zero} (i64.const {WINDOW}) (i32.const 2) {unit}) {go_on}"
    );
    let detach = format!("(call $detach (local.get $heap) {unit}) {go_on}");
    let receive = format!("(call $receive (local.get $heap) {zero} (i64.const 0) (i32.const {RESULT}))");
    let send = format!("(call $send (local.get $heap) {zero} {BLOCK} {unit}) {go_on}");
    vec![
        ("alloc", format!("{alloc} {}", on_block("free"))),
        ("hoard", alloc.clone()),
        ("attach", format!("{attach} {detach}")),
        // The window is there, so that bytes move where they are copied.
        ("share", on_block("share") + &on_block("unshare")),
        ("read", on_block("resolve") + &on_block("release")),
        ("send", format!("{send} {receive} {refused}")),
        ("give", on_block("give") + &on_block("take")),
        (
            "receive",
            format!(
                "{receive} (if (i32.ne (i32.load8_u (i32.const {TOKEN})) (i32.const 11)) (then (return (local.get $rounds))))"
            ),
        ),
        ("one-alloc", alloc),
        ("one-attach", attach),
        ("one-share", on_block("share")),
    ]
}

fn module(world: &World) -> Module {
    let mut wat = String::from("(module ");
    for (name, params) in CALLS {
        let module = "wasi:memory-control/heap@0.1.0-draft";
        writeln!(wat, r#"(import "{module}" "{name}" (func ${name} (param {params})))"#).expect("a string grows");
    }
    wat += r#"(memory (export "memory") 4)
        (func (export "open") (result i64)
            (call $open (i32.const 0) (i32.const 4) (i32.const 256)) (i64.load (i32.const 264)))"#;
    for (name, round) in storms() {
        wat += &format!(
            r#"(func (export "{name}") (param $heap i64) (param $rounds i32) (result i32)
                (loop $again {round}
                    (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
                    (br_if $again (local.get $rounds)))
                i32.const 0)"#
        );
    }
    wat += r#"(data (i32.const 0) "heap"))"#;
    Module::new(world.engine(), &wat).unwrap_or_else(|error| panic!("the guest compiles: {error:?}\n{wat}"))
}

struct Guest {
    store: Store<State>,
    instance: Instance,
    heap: i64,
}

impl Guest {
    fn new(world: &World, module: &Module) -> Self {
        let mut linker: Linker<State> = Linker::new(world.engine());
        add_to_core_linker_sync(&mut linker, |state: &mut State| &mut state.memctl).expect("memory control links");
        let mut store = world.store();
        let instance = linker.instantiate(&mut store, module).expect("instantiates");
        let open = instance.get_typed_func::<(), i64>(&mut store, "open").expect("exported");
        let heap = open.call(&mut store, ()).expect("no trap");
        Self { store, instance, heap }
    }

    /// How many rounds were left when a call was refused.
    fn run(&mut self, storm: &str, rounds: u64) -> u64 {
        let run = self.instance.get_typed_func::<(i64, i32), i32>(&mut self.store, storm).expect("exported");
        let rounds = i32::try_from(rounds).expect("not so many");
        let left = run.call(&mut self.store, (self.heap, rounds)).expect("no trap");
        u64::try_from(left).expect("a number of rounds")
    }

    fn token(&mut self) -> [u8; 32] {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("exported");
        memory.data(&self.store)[TOKEN..][..32].try_into().expect("32 bytes")
    }

    fn put_token(&mut self, token: &[u8; 32]) {
        let memory = self.instance.get_memory(&mut self.store, "memory").expect("exported");
        memory.write(&mut self.store, TOKEN, token).expect("inside");
    }
}

fn world(mode: Mode) -> World {
    World::with(mode, |builder| builder.heap("heap", Source::anonymous(LEN), HeapOptions::default()))
}

/// The storm costs nothing that lasts, and as much at the end as at the beginning.
#[track_caller]
fn storm(name: &str, prepare: &[&str]) {
    for mode in BACKENDS {
        let world = world(mode);
        let module = module(&world);
        let (mut owner, mut guest) = (Guest::new(&world, &module), Guest::new(&world, &module));
        if name == "read" {
            assert_eq!([owner.run("one-alloc", 1), owner.run("one-share", 1)], [0; 2]);
            let token = owner.token();
            guest.put_token(&token);
        }
        prepare.iter().for_each(|name| assert_eq!(guest.run(name, 1), 0, "{name}"));
        let uses = (guest.store.data().memctl.usage(), world.domain.usage());
        let mut run = |rounds: u64| {
            let start = Instant::now();
            assert_eq!(guest.run(name, rounds), 0, "{name}: no call is refused");
            start.elapsed().as_nanos() / u128::from(rounds)
        };
        let first = run(WARM_UP);
        let before = Held::now();
        let then = run(ROUNDS);
        println!("heap: {name} {prepare:?}, {mode:?}: {first} ns a round, then {then}");
        Held::now().assert_about(before, name);
        assert!(then <= 10 * first, "{name}: a round took {first} ns, then {then}");
        assert_eq!((guest.store.data().memctl.usage(), world.domain.usage()), uses);
        drop((guest, owner));
        let status = world.domain.heap_status("heap").expect("published");
        assert_eq!((status.blocks, status.free, world.domain.usage()), (0, LEN, Quotas::NONE));
    }
}

/// A guest that keeps all blocks it can get has what its quota says, and nothing of it once it is gone; others go on as before.
fn hoards() {
    for mode in BACKENDS {
        let quotas = Quotas { blocks: 500, ..Quotas::GUEST };
        let world = World::with(mode, |builder| {
            builder.guest_quotas(quotas).heap("heap", Source::anonymous(LEN), HeapOptions::default())
        });
        let module = module(&world);
        let mut other = Guest::new(&world, &module);
        assert_eq!(other.run("one-attach", 1), 0);
        let mut turn = || {
            let start = Instant::now();
            assert_eq!(other.run("alloc", WARM_UP), 0);
            start.elapsed().as_nanos() / u128::from(WARM_UP)
        };
        let alone = turn();
        let mut hoard = || {
            let mut hoarder = Guest::new(&world, &module);
            assert_eq!(hoarder.run("one-attach", 1), 0);
            assert_eq!(hoarder.run("hoard", 1000), 500, "the quota was used");
            assert_eq!(hoarder.run("hoard", ROUNDS), ROUNDS, "there is no more");
            assert_eq!(hoarder.store.data().memctl.usage().blocks, 500);
            turn()
        };
        hoard();
        let before = Held::now();
        let beside = (0..20).map(|_| hoard()).max().expect("some");
        println!(
            "heap: a round of another guest, {mode:?}: {alone} ns alone, at most {beside} ns beside one that hoards"
        );
        assert!(beside <= 20 * alone + 1_000_000, "{mode:?}: {alone} ns, then {beside}");
        Held::now().assert_about(before, "hoards that are gone");
        assert_eq!(world.domain.heap_status("heap").expect("published").blocks, 0);
    }
}

/// Every storm, one after another.
pub(crate) fn storms_on_heaps() {
    for name in ["alloc", "attach", "receive"] {
        storm(name, &[]);
    }
    storm("alloc", &["one-attach"]);
    storm("attach", &["one-alloc"]);
    for name in ["share", "send", "give"] {
        storm(name, &["one-alloc"]);
        storm(name, &["one-attach", "one-alloc"]);
    }
    storm("read", &[]);
    storm("read", &["one-attach"]);
    hoards();
}
