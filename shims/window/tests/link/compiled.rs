//! What a compiler makes of calls with constant windows.

use std::process::Command;

use memctl_window::{DebugInfo, Windows, link};
use wasmtime::{Config, Engine, Instance, Module, Store, WasmBacktrace, WasmBacktraceDetails};

const GUEST: &str = r#"
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { core::arch::wasm32::unreachable() }

#[link(wasm_import_module = "memctl:window")]
unsafe extern "C" {
    #[link_name = "i32.load"]
    fn load(at: u32, window: u32) -> i32;
    #[link_name = "i64.store"]
    fn store(at: u32, value: u64, window: u32);
    #[link_name = "copy_between"]
    fn copy(to: u32, from: u32, len: u32, to_window: u32, from_window: u32);
}

struct Window<const NUMBER: u32>;
impl<const NUMBER: u32> Window<NUMBER> {
    #[inline]
    fn get(at: u32) -> i32 {
        unsafe { load(at, NUMBER) }
    }
    #[inline]
    fn put(at: u32, value: u64) {
        unsafe { store(at, value, NUMBER) }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn run(last: u32) -> i32 {
    for at in 0..100 {
        Window::<1>::put(at * 8, at as u64);
    }
    unsafe { copy(0, 8, 80, 2, 1) };
    let mut sum = 0;
    for at in 0..11 {
        sum += Window::<2>::get(at * 8);
    }
    sum + Window::<1>::get(last)
}
"#;

#[test]
fn calls_in_compiled_code_become_instructions_and_keep_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    let (source, out) = (directory.path().join("guest.rs"), directory.path().join("guest.wasm"));
    std::fs::write(&source, GUEST).unwrap();
    let mut config = Config::new();
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    let engine = Engine::new(&config).unwrap();
    let line = |text: &str| u32::try_from(GUEST.lines().position(|line| line.contains(text)).unwrap() + 1).unwrap();
    for (optimised, dwarf) in [("0", "4"), ("2", "4"), ("1", "5")] {
        let built = Command::new("rustc")
            .args(["--edition=2024", "--target=wasm32-wasip1", "--crate-type=cdylib", "-g", "-Cpanic=abort"])
            .args(["-Clink-self-contained=no", "-Clink-arg=--no-entry", "-Clinker=rust-lld", "-Clinker-flavor=wasm-ld"])
            .args([format!("-Copt-level={optimised}"), format!("-Cdwarf-version={dwarf}"), "-o".to_owned()])
            .args([&out, &source])
            .output()
            .unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let linked = link(&std::fs::read(&out).unwrap(), &Windows::new().memory32(2, 65536)).unwrap();
        assert_eq!(linked.report.calls, 0, "{:?}", linked.report);
        assert!(matches!(linked.report.debug, DebugInfo::Rewritten { .. }), "{:?}", linked.report);
        let module = Module::new(&engine, &linked.wasm).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<u32, i32>(&mut store, "run").unwrap();
        assert_eq!(run.call(&mut store, 8 * 9).unwrap(), 55 + 9);
        let trapped = run.call(&mut store, 65536).unwrap_err();
        let backtrace = trapped.downcast_ref::<WasmBacktrace>().unwrap();
        let lines: Vec<u32> =
            backtrace.frames().iter().flat_map(|frame| frame.symbols()).filter_map(|symbol| symbol.line()).collect();
        assert_eq!(lines, [line("load(at, NUMBER)"), line("sum + Window")], "-O{optimised} DWARF {dwarf}");
    }
}
