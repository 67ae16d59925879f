//! Debug information of instrumented modules.

use std::process::Command;

use memctl_core::Bounds;
use memctl_instrument::{DebugInfo, Options, instrument};
use wasmtime::{Config, Engine, Linker, Module, Store, Val, WasmBacktrace, WasmBacktraceDetails};

const GUEST: &str = r#"
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { core::arch::wasm32::unreachable() }

#[inline(never)]
fn touched(at: *mut u64, times: u32) -> u64 {
    let mut sum = 0;
    for time in 0..times {
        sum += time as u64;
        unsafe { at.write_volatile(sum) }
        sum ^= unsafe { at.read_volatile() };
    }
    sum
}

#[inline(always)]
fn deeper(at: *const u8) -> u8 {
    unsafe {
        at.read_volatile()
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn store(at: usize) -> u64 {
    let before = 5;
    touched(at as *mut u64, 3) + before
}

#[unsafe(no_mangle)]
pub extern "C" fn load(at: usize) -> u64 {
    let buffer = core::hint::black_box([1u8; 40]);
    buffer[3] as u64
        + deeper(at as *const u8) as u64
}

#[unsafe(no_mangle)]
pub extern "C" fn index(at: usize) -> u64 {
    let buffer = core::hint::black_box([1u64; 8]);
    buffer[at]
}
"#;

/// The functions, files and lines where a call traps, innermost first.
fn lines(engine: &Engine, wasm: &[u8], export: &str, at: u32) -> Vec<(String, String, u32)> {
    let module = Module::new(engine, wasm).expect("valid");
    let mut store = Store::new(engine, ());
    let instance = Linker::new(engine).instantiate(&mut store, &module).expect("it imports nothing");
    let function = instance.get_func(&mut store, export).expect("an export");
    let trapped = function.call(&mut store, &[Val::I32(at.cast_signed())], &mut [Val::I64(0)]).expect_err("it traps");
    let backtrace = trapped.downcast_ref::<WasmBacktrace>().expect("a backtrace");
    let frames = backtrace.frames().iter().filter(|frame| !frame.func_name().unwrap_or("").starts_with("memctl."));
    let symbols = frames.flat_map(|frame| frame.symbols()).map(|symbol| {
        let file = symbol.file().unwrap_or("?").rsplit('/').next().unwrap_or_default().to_owned();
        (symbol.name().unwrap_or("?").to_owned(), file, symbol.line().unwrap_or(0))
    });
    symbols.collect()
}

#[test]
fn a_trap_is_in_the_line_that_it_was_in() {
    let directory = tempfile::tempdir().expect("a directory");
    let (source, out) = (directory.path().join("guest.rs"), directory.path().join("guest.wasm"));
    std::fs::write(&source, GUEST).expect("written");
    let mut config = Config::new();
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    let engine = Engine::new(&config).expect("an engine");
    for (optimised, dwarf) in [("0", "4"), ("2", "4"), ("1", "5")] {
        let built = Command::new("rustc")
            .args(["--edition=2024", "--target=wasm32-wasip1", "--crate-type=cdylib", "-g", "-Cpanic=abort"])
            .args(["-Clink-arg=--no-stack-first", "-Clink-arg=--global-base=65536", "-Clink-self-contained=no"])
            .args(["-Clink-arg=--no-entry", "-Clinker=rust-lld", "-Clinker-flavor=wasm-ld"])
            .args([format!("-Copt-level={optimised}"), format!("-Cdwarf-version={dwarf}"), "-o".to_owned()])
            .args([&out, &source])
            .output()
            .expect("rustc");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let wasm = std::fs::read(&out).expect("built");
        let bounds = Some(Bounds { no_access: 4096, read_only: 65536 });
        let outcome = instrument(&wasm, &Options { bounds, ..Options::default() }).expect("instrumented");
        let debug = &outcome.report.modules[0].debug;
        assert!(matches!(debug, DebugInfo::Rewritten { .. }), "{debug:?}");
        for export in ["store", "load", "index"] {
            // Past the memory's end: an access that traps in both.
            let before = lines(&engine, &wasm, export, 0x7fff_fff0);
            assert!(before.iter().any(|(_, file, line)| file == "guest.rs" && *line > 1), "{before:?}");
            assert_eq!(
                lines(&engine, &outcome.wasm, export, 0x7fff_fff0),
                before,
                "{export} -O{optimised} DWARF {dwarf}"
            );
            if export != "index" {
                assert_eq!(
                    lines(&engine, &outcome.wasm, export, 0),
                    before,
                    "{export} of null -O{optimised} DWARF {dwarf}"
                );
            }
        }
    }
}
