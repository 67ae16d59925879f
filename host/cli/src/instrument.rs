//! `memctl instrument`: a program with checks, and a table of what was done to it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table as Text};
use memctl_core::{Bounds, Granule};
use memctl_instrument::{Checks, DebugInfo, ModuleReport, Options, Outcome, Report, ShieldPages, Table};
use serde_json::{Value, json};

use crate::output;
use crate::run::print;
use crate::size::Size;

/// What `memctl instrument --help` says at its end.
pub const HELP: &str = "\
IN.wasm is a component, or a core module. All core modules of a component are instrumented, and what the host loads and stores
on behalf of the program (strings, lists, results) is checked like the program's own accesses. In a core module only its own
instructions are checked: make a command of WASI preview 1 a component first, or leave it to `memctl run --instrument`.

What is protected is what the program declares (`memctl declare`), or what --no-access and --read-only say instead: for the one
core module that defines a memory. With --table, also what the program protects while it runs.

With --json, one JSON object on stdout:
  bytes_before, bytes_after, modules: [{name, table, memories: [{imported, no_access, read_only}], loads, stores, bulk:
  {checked, left_out}, bytes_before, bytes_after, debug, debug_left_out}]

Exit code: 0 if OUT.wasm was written, 1 if not: then what was there before still is. 2 if the command line is wrong.

Examples:
  memctl instrument app.wasm -o checked.wasm
  memctl instrument --no-access 4KiB --read-only 64KiB app.wasm -o checked.wasm
  memctl instrument --granule 32 --ranges 8 app.wasm -o board.wasm";

/// Flags and arguments of `memctl instrument`.
#[derive(Args, Clone, Debug)]
pub struct InstrumentArgs {
    /// The program.
    #[arg(value_name = "IN.wasm")]
    pub input: PathBuf,
    /// Where the program with checks goes.
    #[arg(short, long, value_name = "OUT.wasm")]
    pub output: PathBuf,
    /// Below this address nothing can be loaded or stored, in place of what the program declares.
    #[arg(long, value_name = "BYTES")]
    pub no_access: Option<Size>,
    /// From there to below this address bytes can be loaded, and not stored.
    #[arg(long, value_name = "BYTES")]
    pub read_only: Option<Size>,
    /// What bounds are rounded down to: the granule of the host that the program is for.
    #[arg(long, value_name = "BYTES", default_value = "4096")]
    pub granule: Size,
    /// Whether to check what the program protects while it runs.
    #[arg(long, value_enum, default_value_t)]
    pub table: TableChoice,
    /// Make room for N ranges that the program protects while it runs, and not for the 2725 that a wasm page of 64 KiB holds: the checks' own
    /// memory then has pages of one byte, which not every engine knows, and takes 128 bytes and 24 for each range. For boards.
    #[arg(long, value_name = "N")]
    pub ranges: Option<u32>,
    /// Print a JSON report on stdout instead of a table; see below.
    #[arg(long)]
    pub json: bool,
}

/// Whether to check what the program protects while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TableChoice {
    /// If it imports `wasi:memory-control/protection` or `wasi:memory-control/mapping`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: only what is declared is protected.
    Never,
}

/// The bounds that two flags give, if they give any: a part that isn't named is empty.
pub(crate) fn bounds(no_access: Option<Size>, read_only: Option<Size>) -> Option<Bounds> {
    (no_access.is_some() || read_only.is_some()).then(|| {
        let no_access = no_access.map_or(0, |size| size.0);
        Bounds { no_access, read_only: read_only.map_or(no_access, |size| size.0) }
    })
}

/// Instruments, prints what was done, and gives back the code to exit with.
///
/// # Errors
/// The program can't be read or instrumented, or the result can't be written.
pub fn run(args: &InstrumentArgs) -> Result<i32> {
    let Some(granule) = Granule::new(args.granule.0) else {
        bail!("--granule {}: a granule is a power of two", args.granule.0);
    };
    let options = Options {
        granule,
        table: match args.table {
            TableChoice::Auto => Table::Auto,
            TableChoice::Always => Table::Always,
            TableChoice::Never => Table::Never,
        },
        bounds: bounds(args.no_access, args.read_only),
        shield: args.ranges.map_or(ShieldPages::Wasm, |ranges| ShieldPages::Bytes { ranges }),
    };
    let shown = args.input.display();
    let wasm = fs::read(&args.input).with_context(|| format!("{shown}: can't read the program"))?;
    if !wasm.starts_with(b"\0asm") {
        bail!("{shown}: not WebAssembly in the binary format (text is assembled by `wasm-tools parse`)");
    }
    let Outcome { wasm: instrumented, report } =
        memctl_instrument::instrument(&wasm, &options).with_context(|| format!("{shown}: can't be instrumented"))?;
    output::write(&args.output, &instrumented)?;
    if args.json {
        print(&to_json(&report, wasm.len(), instrumented.len()))?;
    } else {
        print(&to_text(&report))?;
        print(&format!("{} bytes, {} before", instrumented.len(), wasm.len()))?;
    }
    Ok(0)
}

fn to_json(report: &Report, before: usize, after: usize) -> Value {
    let checks = |checks: Checks| json!({ "checked": checks.put_in, "left_out": checks.left_out });
    let modules: Vec<Value> = report
        .modules
        .iter()
        .map(|module| {
            let memories: Vec<Value> = module
                .memories
                .iter()
                .map(|memory| {
                    let Bounds { no_access, read_only } = memory.bounds;
                    json!({ "imported": memory.imported, "no_access": no_access, "read_only": read_only })
                })
                .collect();
            json!({
                "name": module.name,
                "table": module.table,
                "memories": memories,
                "loads": checks(module.loads),
                "stores": checks(module.stores),
                "bulk": checks(module.bulk),
                "bytes_before": module.bytes_before,
                "bytes_after": module.bytes_after,
                "debug": match &module.debug {
                    DebugInfo::None => "none",
                    DebugInfo::Rewritten { .. } => "rewritten",
                    DebugInfo::LeftOut(_) => "left out",
                },
                "debug_left_out": debug_left_out(module),
            })
        })
        .collect();
    json!({ "bytes_before": before, "bytes_after": after, "modules": modules })
}

fn to_text(report: &Report) -> String {
    let mut table = Text::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["module", "protected", "loads", "stores", "bulk", "left out", "bytes before", "after"]);
    for (number, module) in report.modules.iter().enumerate() {
        let left_out = module.loads.left_out + module.stores.left_out + module.bulk.left_out;
        table.add_row([
            module.name.clone().unwrap_or_else(|| format!("module {number}")),
            protected(module),
            module.loads.put_in.to_string(),
            module.stores.put_in.to_string(),
            module.bulk.put_in.to_string(),
            left_out.to_string(),
            module.bytes_before.to_string(),
            module.bytes_after.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.to_string();
    for module in &report.modules {
        if let Some(what) = debug_left_out(module) {
            let name = module.name.as_deref().unwrap_or("a module");
            text.push_str(&format!("\ndebug information of {name}: left out {what}"));
        }
    }
    text
}

/// Debug information that was left out, and why.
fn debug_left_out(module: &ModuleReport) -> Option<String> {
    match &module.debug {
        DebugInfo::Rewritten { left_out } if !left_out.is_empty() => {
            Some(format!("{}, which only repeat other sections", left_out.join(", ")))
        }
        DebugInfo::LeftOut(reason) => Some(format!("all of it: {reason}")),
        DebugInfo::None | DebugInfo::Rewritten { .. } => None,
    }
}

/// What the module checks, in a few words.
fn protected(module: &ModuleReport) -> String {
    if module.memories.is_empty() {
        return String::from("no memory");
    }
    let mut words: Vec<String> = Vec::new();
    for memory in &module.memories {
        let Bounds { no_access, read_only } = memory.bounds;
        if read_only > 0 {
            words.push(format!("none to {no_access:#x}, read to {read_only:#x}"));
        }
    }
    if module.table {
        words.push(String::from("table"));
    }
    if words.is_empty() { String::from("nothing") } else { words.join("; ") }
}
