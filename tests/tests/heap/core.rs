//! The same calls from core modules, flattened.

use std::fmt::Write;
use std::os::unix::fs::FileExt;

use memctl_core::Directory;
use memctl_wasmtime::{Domain, HeapOptions, MemctlCtx, Mode, Rights, Source, add_to_core_linker_sync};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Val};

use crate::guest::{LEN, moved_in, published};

/// Name and parameters of each function. The last one is where the result goes.
const CALLS: &[(&str, &str)] = &[
    ("open", "i32 i32 i32"),
    ("status", "i64 i32"),
    ("member", "i64 i32 i32"),
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
    ("inherit", "i64 i32"),
];

/// Where results are put.
const RESULT: i32 = 256;
/// Where the heap is attached.
const WINDOW: i64 = 0x1_0000;

/// The codes of `types.error-code` that are asked for.
const ACCESS: u8 = 3;
const NOT_FOUND: u8 = 4;
const STALE: u8 = 5;
const TIMED_OUT: u8 = 11;

type Token = [i64; 4];

struct Core {
    store: Store<MemctlCtx>,
    instance: Instance,
    heap: i64,
}

fn wat() -> String {
    let (mut imports, mut exports) = (String::new(), String::new());
    for (name, params) in CALLS {
        let module = "wasi:memory-control/heap@0.1.0-draft";
        writeln!(imports, r#"(import "{module}" "{name}" (func ${name} (param {params})))"#).expect("a string grows");
        let arguments: String = (0..params.split(' ').count()).map(|i| format!("local.get {i} ")).collect();
        // Before control goes back to who called the guest.
        let settles =
            if ["attach", "detach"].contains(name) { "(drop (memory.grow $window (i32.const 0)))" } else { "" };
        writeln!(exports, r#"(func (export "{name}") (param {params}) {arguments} call ${name} {settles})"#)
            .expect("a string grows");
    }
    let directory = Directory { memory: 2, windows: vec![1] }.to_bytes();
    let directory: String = directory.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(
        r#"(module {imports}
            (import "wasi:memory-control/object@0.1.0-draft" "[static]object.open" (func $object (param i32 i32 i32)))
            (import "wasi:memory-control/mapping@0.1.0-draft" "[static]mapping.map"
                (func $map (param i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32)))
            (memory (export "memory") 4) (memory $window 1 2) (memory $directory 1)
            (data (memory $directory) (i32.const 0) "{directory}")
            {exports}
            (func (export "map-o") (result i32)
                (call $object (i32.const 512) (i32.const 1) (i32.const 520))
                (call $map (i32.const 0) (i32.const 0) (i64.const 0x2_0000) (i64.const 4096) (i32.load (i32.const 524))
                    (i64.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 528))
                (i32.or (i32.load8_u (i32.const 520)) (i32.load8_u (i32.const 528))))
            (func (export "load") (param i32) (result i64) (i64.load $window (local.get 0)))
            (func (export "store") (param i32 i64) (i64.store $window (local.get 0) (local.get 1))))"#
    )
}

impl Core {
    /// A module that has attached `heap` in its memory.
    fn new(domain: &Domain, engine: &Engine) -> Self {
        let mut core = Self::bare(domain, engine);
        core.attach(0, WINDOW);
        core
    }

    fn attach(&mut self, window: i32, start: i64) {
        let (heap, read_write) = (Val::I64(self.heap), Val::I32(2));
        self.unit("attach", &[heap, Val::I32(0), Val::I32(0), Val::I32(window), Val::I64(start), read_write])
            .expect("attaches");
    }

    /// A module that has opened `heap`.
    fn bare(domain: &Domain, engine: &Engine) -> Self {
        let mut linker: Linker<MemctlCtx> = Linker::new(engine);
        add_to_core_linker_sync(&mut linker, |ctx| ctx).expect("links");
        let module = Module::new(engine, wat()).expect("compiles");
        let mut store = Store::new(engine, domain.context().build());
        let crossing = store.data().crossing(store.engine());
        store.call_hook(move |_, hook| Ok(crossing(hook)?));
        memctl_wasmtime::note_faults(&mut store);
        let instance = linker.instantiate(&mut store, &module).expect("instantiates");
        let mut core = Self { store, instance, heap: 0 };
        core.write(0, b"heap");
        core.heap = core.ask::<1>("open", &[Val::I32(0), Val::I32(4)]).expect("published")[0];
        core
    }

    /// A word of the window.
    fn load(&mut self, at: i64) -> i64 {
        let load = self.instance.get_typed_func::<i32, i64>(&mut self.store, "load").expect("exported");
        load.call(&mut self.store, i32::try_from(at).expect("small")).expect("inside")
    }

    fn store_word(&mut self, at: i64, word: i64) {
        let store = self.instance.get_typed_func::<(i32, i64), ()>(&mut self.store, "store").expect("exported");
        store.call(&mut self.store, (i32::try_from(at).expect("small"), word)).expect("inside");
    }

    fn call(&mut self, name: &str, arguments: &[Val]) {
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let arguments = [arguments, &[Val::I32(RESULT)]].concat();
        self.write(usize::try_from(RESULT).expect("positive"), &[0xff; 64]);
        func.call(&mut self.store, &arguments, &mut []).expect("does not trap");
    }

    /// A call whose payload begins at byte 8 of the result.
    fn ask<const N: usize>(&mut self, name: &str, arguments: &[Val]) -> Result<[i64; N], u8> {
        self.call(name, arguments);
        let result = self.read(usize::try_from(RESULT).expect("positive"), 8 + 8 * N);
        if result[0] != 0 {
            return Err(result[8]);
        }
        let number = |at: usize| i64::from_le_bytes(result[8 + 8 * at..][..8].try_into().expect("eight"));
        Ok(std::array::from_fn(number))
    }

    fn unit(&mut self, name: &str, arguments: &[Val]) -> Result<(), u8> {
        self.call(name, arguments);
        let result = self.read(usize::try_from(RESULT).expect("positive"), 2);
        if result[0] == 0 { Ok(()) } else { Err(result[1]) }
    }

    fn on_block(&mut self, name: &str, token: Token) -> Result<(), u8> {
        self.unit(name, &token.map(Val::I64))
    }

    fn alloc(&mut self, len: i64) -> Token {
        self.ask("alloc", &[Val::I64(self.heap), Val::I64(len), Val::I64(16)]).expect("room")
    }

    fn memory(&mut self) -> wasmtime::Memory {
        self.instance.get_memory(&mut self.store, "memory").expect("exported")
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.memory().write(&mut self.store, at, bytes).expect("in the memory");
    }

    fn read(&mut self, at: usize, len: usize) -> Vec<u8> {
        self.memory().data(&self.store)[at..at + len].to_vec()
    }

    fn place(token: Token) -> usize {
        usize::try_from(WINDOW + token[1]).expect("small")
    }
}

#[test]
fn core_modules_hand_blocks_on_as_components_do() {
    for mode in [Mode::Alias, Mode::Copy] {
        let domain = published(Domain::builder().mode(mode)).build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("an engine");
        let (mut one, mut two) = (Core::new(&domain, &engine), Core::new(&domain, &engine));
        let heap = Val::I64(one.heap);

        let status = one.ask::<6>("status", &[heap]).expect("there is the heap");
        let counts = 8_i64 << 32;
        let len = i64::try_from(LEN).expect("small");
        assert_eq!(status, [(status[0] & !0xff) | 7, len, len, len, len, counts], "all rights, all free, 8 queues");
        assert_eq!(one.ask::<2>("member", &[heap, Val::I32(0)]), Ok([one.heap, 0]));
        assert_eq!(one.ask::<2>("member", &[heap, Val::I32(1)]), Err(NOT_FOUND));

        let block = one.alloc(64);
        one.write(Core::place(block), b"from one");
        assert_eq!(two.on_block("free", block), Err(ACCESS));
        let (given, bytes) = moved_in(&domain, || one.on_block("give", block));
        assert_eq!((given, bytes), (Ok(()), if mode == Mode::Copy { 64 } else { 0 }));
        assert_eq!(two.on_block("take", block), Ok(()));
        assert_eq!(two.read(Core::place(block), 8), b"from one");
        assert_eq!(two.on_block("share", block), Ok(()));
        assert_eq!(one.on_block("resolve", block), Ok(()));
        assert_eq!(one.read(Core::place(block), 8), b"from one");
        assert_eq!(one.on_block("release", block), Ok(()));
        assert_eq!(two.on_block("unshare", block), Ok(()));

        let [a, b, c, d] = block.map(Val::I64);
        assert_eq!(two.unit("send", &[heap, Val::I32(2), a, b, c, d]), Ok(()));
        assert_eq!(one.ask::<4>("receive", &[heap, Val::I32(2), Val::I64(-1)]), Ok(block));
        assert_eq!(one.ask::<4>("receive", &[heap, Val::I32(2), Val::I64(0)]), Err(TIMED_OUT));
        assert_eq!(one.ask::<4>("inherit", &[heap]), Err(NOT_FOUND));
        assert_eq!(one.on_block("free", block), Ok(()));
        assert_eq!(one.on_block("free", block), Err(STALE));
        assert_eq!(one.unit("detach", &[heap]), Ok(()));
        assert_eq!(one.read(0x1_0000, 0x1_0000), vec![0; 0x1_0000]);
    }
}

/// Attached in an extra memory: by host pages, by copies, and in place.
#[test]
fn blocks_are_handed_on_between_windows_that_are_extra_memories() {
    for (mode, board, moves) in [(Mode::Alias, false, 0), (Mode::Copy, false, 64), (Mode::Copy, true, 0)] {
        let domain = published(Domain::builder().mode(mode)).build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        if board {
            config
                .memory_reservation(0)
                .memory_guard_size(0)
                .memory_reservation_for_growth(0)
                .signals_based_traps(false);
        }
        let engine = Engine::new(&config).expect("an engine");
        let (mut one, mut two) = (Core::bare(&domain, &engine), Core::bare(&domain, &engine));
        let heap = Val::I64(one.heap);
        for core in [&mut one, &mut two] {
            let elsewhere = [heap, Val::I32(0), Val::I32(0), Val::I32(2), Val::I64(0), Val::I32(2)];
            assert_eq!(core.unit("attach", &elsewhere), Err(NOT_FOUND), "there is one window");
            core.attach(1, 0);
        }
        let block = one.alloc(64);
        one.store_word(block[1], 0x1234_5678);
        let before = one.read(0, 4 << 16);
        let (given, bytes) = moved_in(&domain, || one.on_block("give", block));
        assert_eq!((given, bytes), (Ok(()), moves), "{mode:?}, a board: {board}");
        assert_eq!(two.on_block("take", block), Ok(()));
        assert_eq!(two.load(block[1]), 0x1234_5678);
        two.store_word(block[1] + 8, 9);
        assert_eq!(two.on_block("give", block), Ok(()));
        assert_eq!(one.on_block("take", block), Ok(()));
        assert_eq!(one.load(block[1] + 8), 9);
        assert_eq!(one.on_block("free", block), Ok(()));
        let zero = one.alloc(64);
        assert_eq!((zero[1], one.load(zero[1]), one.load(zero[1] + 8)), (block[1], 0, 0), "a new block is zero");
        assert_eq!(one.unit("detach", &[heap]), Ok(()));
        assert_eq!(one.load(zero[1]), 0);
        let after = one.read(0, 4 << 16);
        assert!(before[512..] == after[512..], "nothing of it got into the guest's own memory");
    }
}

fn over_bytes() -> Source {
    Source::bytes(vec![7; usize::try_from(LEN).expect("small")])
}

fn over_a_device() -> Source {
    let file = tempfile::tempfile().expect("a place for a file");
    file.set_len(LEN).expect("room");
    file.write_all_at(&[7; 4096], 0).expect("written");
    Source::device(file, LEN)
}

/// What was there before a heap was published is no block's.
#[test]
fn blocks_of_a_heap_over_bytes_that_were_there_are_zero() {
    for mode in [Mode::Alias, Mode::Copy] {
        for source in [over_bytes as fn() -> Source, over_a_device] {
            let domain = Domain::builder().mode(mode).heap("heap", source(), HeapOptions::default());
            let domain = domain.build().expect("built");
            let mut config = Config::new();
            domain.configure(&mut config).expect("configured");
            let engine = Engine::new(&config).expect("an engine");
            let (mut one, mut two) = (Core::new(&domain, &engine), Core::new(&domain, &engine));
            let block = one.alloc(4096);
            assert_eq!(one.read(Core::place(block), 4096), vec![0; 4096]);
            one.write(Core::place(block), b"from one");
            assert_eq!(one.on_block("give", block), Ok(()));
            assert_eq!(two.on_block("take", block), Ok(()));
            assert_eq!(two.read(Core::place(block), 8), b"from one");
            let mut stored = [0; 8];
            domain.read_heap("heap", block[1].cast_unsigned(), &mut stored).expect("stored");
            assert_eq!(&stored, b"from one");
        }
    }
}

#[test]
fn automatic_mappings_stay_coherent_around_calls_about_blocks() {
    const SHOWN: usize = 0x2_0000;
    for mode in [Mode::Alias, Mode::Copy] {
        let domain = published(Domain::builder().mode(mode)).object("o", Source::anonymous(4096), Rights::all());
        let domain = domain.build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("an engine");
        let mut guests = [Core::new(&domain, &engine), Core::new(&domain, &engine)];
        for guest in &mut guests {
            guest.write(512, b"o");
            let map = guest.instance.get_typed_func::<(), i32>(&mut guest.store, "map-o").expect("exported");
            assert_eq!(map.call(&mut guest.store, ()).expect("does not trap"), 0);
        }
        for round in 0..20_u8 {
            let [one, other] = &mut guests;
            let (writer, reader) = if round % 2 == 0 { (one, other) } else { (other, one) };
            // Between two of the guest's calls, as if it stored that itself before the second.
            let block = writer.alloc(16);
            writer.write(SHOWN, &[round + 1]);
            assert_eq!(writer.on_block("give", block), Ok(()));
            assert_eq!(reader.on_block("take", block), Ok(()));
            assert_eq!(reader.read(SHOWN, 1), [round + 1], "{mode:?}, round {round}");
            assert_eq!(reader.on_block("free", block), Ok(()));
        }
    }
}
