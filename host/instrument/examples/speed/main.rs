//! Time and size of an instrumented program against itself as it was, on Cranelift with guard pages: `cargo run --release --example speed`.
//!
//! Builds `guest.rs` with rustc for wasm32-wasip1.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use memctl_core::Bounds;
use memctl_instrument::{Options, Table, instrument};
use wasmtime::{Config, Engine, Linker, Module, Store, TypedFunc};

const KERNELS: [(&str, u32); 8] = [
    ("list", 2000),
    ("matrix", 900),
    ("states", 12000),
    ("crc", 12000),
    ("sort", 1500),
    ("words", 400),
    ("tree", 500_000),
    ("format", 150_000),
];

fn main() -> Result<()> {
    let wasm = build()?;
    let engine = Engine::new(&Config::new())?;
    let bounds = |no_access, read_only| Some(Bounds { no_access, read_only });
    let variants = [
        ("null page", bounds(65536, 65536), Table::Never),
        ("null and constants", bounds(65536, 65536 + rodata(&wasm)?), Table::Never),
        ("table", None, Table::Always),
        ("table and all", bounds(65536, 65536 + rodata(&wasm)?), Table::Always),
    ];
    let plain = Module::new(&engine, &wasm)?;
    print!("{:20} {:>7} {:>7}", "", "size", "code");
    KERNELS.iter().for_each(|(name, _)| print!(" {name:>7}"));
    println!(" {:>7}", "geomean");
    for (name, bounds, table) in variants {
        let outcome = instrument(&wasm, &Options { bounds, table, ..Options::default() })?;
        let checked = Module::new(&engine, &outcome.wasm)?;
        let size = outcome.wasm.len() as f64 / wasm.len() as f64;
        let native = checked.text().len() as f64 / plain.text().len() as f64;
        print!("{name:20} {size:7.3} {native:7.3}");
        let mut product = 1.0;
        for (kernel, rounds) in KERNELS {
            let ratio = ratio(&engine, &plain, &checked, kernel, rounds)?;
            print!(" {ratio:7.3}");
            product *= ratio;
        }
        println!(" {:7.3}", product.powf(1.0 / KERNELS.len() as f64));
    }
    Ok(())
}

fn build() -> Result<Vec<u8>> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/speed/guest.rs");
    let out = std::env::temp_dir().join("memctl-instrument-speed.wasm");
    let done = Command::new("rustc")
        .args(["--edition=2024", "--target=wasm32-wasip1", "-Copt-level=3", "-Cpanic=abort", "-Cstrip=debuginfo"])
        .args(["-Clink-arg=--no-stack-first", "-Clink-arg=--global-base=65536", "-o"])
        .arg(&out)
        .arg(source)
        .status()
        .context("rustc")?;
    ensure!(done.success(), "rustc failed");
    Ok(std::fs::read(out)?)
}

/// Bytes of the first data segment, which is .rodata, in whole granules.
fn rodata(wasm: &[u8]) -> Result<u64> {
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        if let wasmparser::Payload::DataSection(section) = payload? {
            let first = section.into_iter().next().context("a data segment")??;
            return Ok(first.data.len() as u64 / 4096 * 4096);
        }
    }
    Ok(0)
}

/// The time that the second takes, in terms of the first: the least of several alternating runs of each.
fn ratio(engine: &Engine, plain: &Module, checked: &Module, kernel: &str, rounds: u32) -> Result<f64> {
    let mut least = [f64::MAX; 2];
    let mut results = [0; 2];
    for _ in 0..15 {
        for (at, module) in [plain, checked].into_iter().enumerate() {
            let mut store = Store::new(engine, ());
            let mut linker = Linker::new(engine);
            linker.define_unknown_imports_as_default_values(&mut store, module)?;
            let instance = linker.instantiate(&mut store, module)?;
            let run: TypedFunc<u32, u32> = instance.get_typed_func(&mut store, kernel)?;
            let start = cpu_seconds();
            results[at] = run.call(&mut store, rounds)?;
            least[at] = least[at].min(cpu_seconds() - start);
        }
    }
    ensure!(results[0] == results[1], "{kernel}: results differ");
    Ok(least[1] / least[0])
}

/// Time that this thread had a processor.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
