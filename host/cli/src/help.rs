//! What `--help` says after the flags.

pub(crate) const EXAMPLES: &str = "\
Examples:
  memctl run --dir data::/data:ro scan.wasm /data/words.txt
  memctl run --object frames=16MiB --backend copy pipeline.wasm
  memctl compare --dir data::/data --object log=./log.bin app.wasm /data
  memctl soak --seconds 60
  memctl declare app.wasm -o sealed.wasm --rodata
  memctl instrument sealed.wasm -o checked.wasm
  memctl link-windows --count 2 module.wasm -o linked.wasm
  memctl component linked.wasm -o component.wasm
  memctl compile --board an505 component.wasm
  memctl plan --board an505 component.wasm

`memctl run --help`, and so on for each command, explains every flag.";

pub(crate) const RUN_HELP: &str = "\
Exit code: the program's own (WASI 0.2 without exit-with-code, which Rust's std and preview 1 programs go without,
knows only 0 and 1). 134 if it trapped: the trap, its wasm backtrace and the cause that memory control knows are on
stderr. 1 if it could not be started, 2 if the command line is wrong.

With --turns or --beside, the first turn that fails says the exit code, and each one is told on stderr. A program that was made to be started
once, as Rust's std and wasi-libc make them, traps if it is called again in the same instance.

What comes after APP.wasm is the program's: memctl's own flags go before it.

Limits, without --quota: objects=1024, object-bytes=1GiB, mappings=4096, mapped-bytes=4GiB, leases=1024, waiters=16, protected-ranges=1024, blocks=4096, block-bytes=1GiB.
Refused calls are explained on stderr with --verbose.

With --json, the program's stdout and stderr are not passed on but become strings in one JSON object on stdout:
  exit, trap, stdout, stderr, time_ns, backend, bytes_mapped, bytes_copied, mappings, aliased, in_place, copied,
  turns: [{program, turn, exit, trap}]
(the last three figures say how many of the mappings were made as what; in place: a window of its own that was put onto the object.)
(exit is null after a trap, trap is null otherwise; bytes that are not UTF-8 show as U+FFFD. A program that could not be
started leaves stdout empty.)

Examples:
  memctl run app.wasm --flag-of-the-app
  memctl run --dir data::/data:ro scan.wasm /data/words.txt
  memctl run --object frames=16MiB --object log=./log.bin:ro app.wasm
  memctl run --heap messages=1MiB..64MiB app.wasm
  memctl run --turns 3 --object frames=16KiB --beside reader.wasm writer.wasm
  memctl run --quota mapped-bytes=1GiB --quota mappings=64 app.wasm
  memctl run --audit --object frames=16MiB app.wasm
  memctl run --backend copy --instrument app.wasm
  memctl run --backend copy --engine board --verbose app.wasm
  memctl run --backend copy --advisory-protection app.wasm

As the runner of `cargo run` and `cargo test` for WebAssembly targets:
  CARGO_TARGET_WASM32_WASIP2_RUNNER='memctl run --dir . --' cargo test --target wasm32-wasip2";

pub(crate) const COMPARE_HELP: &str = "\
Every backend gets its own copy of each --dir and each --object file that is not :ro, so the originals stay as they
are. Copies go to a temporary directory; TMPDIR says where. stdin is read when the program first asks for it, and
given to every run (nothing, if it is a terminal). All runs draw the same random numbers, so that hash maps iterate
in the same order; clocks are real, so a program that prints times differs from itself.

Compared are: exit code or trap of each turn, stdout, stderr, the objects' final bytes, and the directories' final files.

Exit code: 0 if nothing differs, 1 if something does or a run could not be started, 2 if the command line is wrong.

With --json, one JSON object on stdout:
  identical, differences: [{subject, offset, line, detail}], runs: [the object that `memctl run --json` prints]

Examples:
  memctl compare app.wasm
  memctl compare --dir data::/data --object frames=16MiB app.wasm /data/words.txt
  memctl compare --instrument app.wasm
  memctl compare --engine board --granule 32 app.wasm
  memctl compare --json app.wasm | jq .identical";

pub(crate) const SOAK_HELP: &str = "\
The guests come with memctl. Half of them share objects on several threads at the same time, under leases, with host code that takes leases
too; the others take turns in domains of their own, with automatic mappings. They map, lease, wait, upgrade, resize, publish, load, store, copy
and drop at random; touch what they have no lease on; touch files that another thread cuts off; trap, spin until they are
interrupted, and are dropped with all they hold. New ones take their place. One operation is one call of the interface, or one
touch of a window.

Checked all the while: nobody writes what another has a lease on, no reader sees half a write, snapshots stay as they are, automatic windows show
what was left last, every refusal is one that the interface names for the call, usage is what the guest holds and never above
its limits. At the end, when all guests are gone: no file descriptor, map, quota or memory is kept that was not there after a
warm-up of a tenth of the time.

The seed repeats what each guest does, but not how the threads meet.

Exit code: 0 if all is well; 1 if a promise was broken, something leaked, a thread hung for a minute, or it could not be
started; 2 if the command line is wrong.

With --json, one JSON object on stdout:
  backend, seed, threads, guests, time_ns, operations, by_operation: {name: number}, looks, refused, timed_out, deadlocks,
  guests_ended, by_end: {name: number}, faults_survived, memory_growth, leaks: [{what, before, after}], broken
(broken is null if no promise was; memory_growth is in bytes)

Examples:
  memctl soak
  memctl soak --seconds 60 --backend copy
  memctl soak --threads 8 --guests 64 --seed 4711
  memctl soak --json | jq .leaks";
