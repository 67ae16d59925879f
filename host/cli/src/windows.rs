//! `memctl link-windows`: puts window memories into a program. And the flags that say how many, which `memctl component` has too.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table as Text};
use memctl_window::{DebugInfo, Linked, Report, Windows};
use serde_json::{Value, json};

use crate::output;
use crate::run::print;
use crate::size::Size;

/// What `memctl link-windows --help` says at its end.
pub const HELP: &str = "\
A window memory is an extra memory of the program, in which the host shows objects. The program imports functions from \"memctl:window\" (addresses
of 32 bits) and \"memctl:window64\" (64 bits), which load, store and copy there; each call with a constant window becomes a plain instruction.
shims/window/README.md lists them. Windows are numbered from 1 on: first those of --count, then those of --count64.

IN.wasm is a core module that defines its memory, before it becomes a component: what comes from zig cc, clang or rustc for wasm32-wasip1, or for
wasm32-wasip2 with -Clink-arg=--skip-wit-component. OUT.wasm is one too. Then `memctl component`, or `memctl run` as it is.
Sizes are rounded up to wasm pages. A window takes address space; memory is taken by what is shown in it.

With --json, one JSON object on stdout:
  windows: [{number, memory, memory64, bytes}], functions: [string], inlined, calls, no_windows: [number], bytes_before, bytes_after,
  left_out: [string], debug, debug_left_out
(inlined are calls that became instructions, calls those that stayed; no_windows are numbers in calls that name none, which trap)

Exit code: 0 if OUT.wasm was written, 1 if not: then what was there before still is. 2 if the command line is wrong.

Examples:
  memctl link-windows --count 2 app.wasm -o linked.wasm
  memctl link-windows --count 1 --size 1MiB --count64 1 --size64 64GiB app.wasm -o linked.wasm
  memctl link-windows --count 1 app.wasm -o linked.wasm && memctl component linked.wasm -o app.component.wasm";

/// How many windows a program gets, and how large they are.
#[derive(Args, Clone, Debug)]
pub struct WindowArgs {
    /// Windows with 32-bit addresses.
    #[arg(long, value_name = "N")]
    pub count: Option<u32>,
    /// How large each of them is: up to 4GiB.
    #[arg(long, value_name = "BYTES", default_value = "64MiB", requires = "count")]
    pub size: Size,
    /// Windows with 64-bit addresses, for objects larger than 4GiB.
    #[arg(long, value_name = "M")]
    pub count64: Option<u32>,
    /// How large each of them is.
    #[arg(long, value_name = "BYTES", default_value = "8GiB", requires = "count64")]
    pub size64: Size,
}

impl WindowArgs {
    /// The windows.
    #[must_use]
    pub fn windows(&self) -> Windows {
        let (count, count64) = (self.count.unwrap_or(0), self.count64.unwrap_or(0));
        Windows::new().memory32(count, self.size.0).memory64(count64, self.size64.0)
    }

    /// Whether any were asked for.
    #[must_use]
    pub fn are_given(&self) -> bool {
        self.count.is_some() || self.count64.is_some()
    }
}

/// Flags and arguments of `memctl link-windows`.
#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").args(["count", "count64"]).required(true).multiple(true))]
pub struct LinkArgs {
    /// How many windows, and how large.
    #[command(flatten)]
    pub windows: WindowArgs,
    /// The program.
    #[arg(value_name = "IN.wasm")]
    pub input: PathBuf,
    /// Where the program with windows goes.
    #[arg(short, long, value_name = "OUT.wasm")]
    pub output: PathBuf,
    /// Print a JSON report on stdout instead of a table; see below.
    #[arg(long)]
    pub json: bool,
}

/// Links, prints what was done, and gives back the code to exit with.
///
/// # Errors
/// The program can't be read or linked, or the result can't be written.
pub fn run(args: &LinkArgs) -> Result<i32> {
    let shown = args.input.display();
    let wasm = fs::read(&args.input).with_context(|| format!("{shown}: can't read the program"))?;
    if !wasm.starts_with(b"\0asm") {
        bail!("{shown}: not WebAssembly in the binary format (text is assembled by `wasm-tools parse`)");
    }
    let Linked { wasm: linked, report } = memctl_window::link(&wasm, &args.windows.windows())
        .with_context(|| format!("{shown}: can't put windows into it"))?;
    output::write(&args.output, &linked)?;
    if args.json {
        print(&to_json(&report))?;
    } else {
        print(&to_text(&report))?;
    }
    Ok(0)
}

fn to_json(report: &Report) -> Value {
    let windows = report.windows.iter().map(|window| {
        json!({ "number": window.number, "memory": window.memory, "memory64": window.memory64, "bytes": window.bytes })
    });
    json!({
        "windows": windows.collect::<Vec<_>>(),
        "functions": report.functions,
        "inlined": report.inlined,
        "calls": report.calls,
        "no_windows": report.no_windows,
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
        "left_out": report.left_out,
        "debug": match &report.debug {
            DebugInfo::None => "none",
            DebugInfo::Rewritten { .. } => "rewritten",
            DebugInfo::LeftOut(_) => "left out",
        },
        "debug_left_out": debug_left_out(report),
    })
}

fn to_text(report: &Report) -> String {
    let mut table = Text::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header(["window", "memory", "addresses", "size"]);
    for window in &report.windows {
        table.add_row([
            window.number.to_string(),
            window.memory.to_string(),
            if window.memory64 { "64 bits" } else { "32 bits" }.to_owned(),
            Size(window.bytes).to_string(),
        ]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = vec![table.to_string()];
    if report.functions.is_empty() {
        lines
            .push("note: it imports no functions from \"memctl:window\": only its host can use the windows".to_owned());
    } else {
        let Report { inlined, calls, .. } = report;
        lines.push(format!("{inlined} calls became instructions, {calls} are still calls"));
    }
    for number in &report.no_windows {
        lines.push(format!("note: a call names window {number}, and there is none: it traps"));
    }
    for section in &report.left_out {
        lines.push(format!("left out: section {section}, which speaks of places in the code that have moved"));
    }
    lines.extend(debug_left_out(report).map(|what| format!("debug information left out: {what}")));
    lines.push(format!("{} bytes, {} before", report.bytes_after, report.bytes_before));
    lines.join("\n")
}

/// What is left out of debug information, and why.
fn debug_left_out(report: &Report) -> Option<String> {
    match &report.debug {
        DebugInfo::Rewritten { left_out } if !left_out.is_empty() => {
            Some(format!("{}, which only repeat other sections", left_out.join(", ")))
        }
        DebugInfo::LeftOut(reason) => Some(format!("all of it: {reason}")),
        DebugInfo::None | DebugInfo::Rewritten { .. } => None,
    }
}
