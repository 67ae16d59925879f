//! `memctl compile`: the image of a program that firmware on a board runs in place.

mod imports;
mod strip;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use wasmtime::Engine;

use self::imports::Needs;
use crate::boards::{Board, Boards, Kind, System};
use crate::output;
use crate::program::Program;
use crate::progress::Progress;
use crate::run::print;
use crate::size::Size;

/// What `memctl compile --help` says at its end.
pub const HELP: &str = "\
APP.wasm is the component that `memctl run` runs, byte for byte. Its code is compiled for the interpreter Pulley, which every
board's firmware has; the image is not loaded but stays in flash, aligned to 16 bytes, and is run from there. Names of functions
are left out. It fits one version of
wasmtime and one configuration, `memctl_wasmtime::board_config`: firmware refuses others.

What a board has for programs: wasi:memory-control without files, and of WASI stdout, to print. --provides adds what your firmware
has beyond that. `memctl plan` says whether the program's memories and stacks fit the board too.

Firmware that is built for these programs alone need not hold more of wasi:memory-control than they import: --imports writes the
names that `memctl_wasmtime::Functions` takes. For a program with objects and mappings that
is 94 KB less flash.

With --json, one JSON object on stdout:
  board, target, component_bytes, image_bytes, flash_bytes, imports

Exit code: 0 if the image was written, 1 if not: then what was there before still is. 2 if the command line is wrong.

Examples:
  memctl compile --board an505 app.wasm
  memctl compile --board an505 app.wasm -o target/board/images/app.cwasm
  memctl compile --board an505 --imports app.imports app.wasm
  memctl compile --board my-board --boards boards.toml --provides acme:leds/panel app.wasm";

/// Flags and arguments of `memctl compile`.
#[derive(Args, Clone, Debug)]
pub struct CompileArgs {
    /// The board that the image is for; `memctl plan --list` lists them.
    #[arg(long, value_name = "NAME")]
    pub board: String,
    /// A file with more boards, in the form of host/cli/boards.toml.
    #[arg(long, value_name = "FILE")]
    pub boards: Option<PathBuf>,
    /// An interface that the firmware provides beyond memory control and stdout; may be repeated.
    #[arg(long, value_name = "INTERFACE")]
    pub provides: Vec<String>,
    /// The program: a component, or a WASI preview 1 command module.
    #[arg(value_name = "APP.wasm")]
    pub input: PathBuf,
    /// Where the image goes; beside APP.wasm, as APP.cwasm, unless said otherwise.
    #[arg(short, long, value_name = "OUT.cwasm")]
    pub output: Option<PathBuf>,
    /// Also write what the program imports of wasi:memory-control, a name on each line; see below.
    #[arg(long, value_name = "OUT.imports")]
    pub imports: Option<PathBuf>,
    /// Print a JSON report on stdout; see below.
    #[arg(long)]
    pub json: bool,
}

/// Compiles, says how large the image is, and gives back the code to exit with.
///
/// # Errors
/// There is no such board, the program can't be read, needs what a board lacks or doesn't fit, or the image can't be written.
pub fn run(args: &CompileArgs) -> Result<i32> {
    let boards = Boards::load(args.boards.as_deref())?;
    let board = boards.find(&args.board)?;
    let program = Program::load(&args.input)?;
    let shown = args.input.display();
    let Image { bytes: image, functions, runs } =
        compile(&program, board, &args.provides).with_context(|| shown.to_string())?;
    if !runs {
        eprintln!("memctl: note: {shown} does not export wasi:cli/run, which the firmware of examples/board calls");
    }
    let output = args.output.clone().unwrap_or_else(|| args.input.with_extension("cwasm"));
    output::write(&output, &image)?;
    if let Some(list) = &args.imports {
        let lines: String = functions.iter().map(|name| format!("{name}\n")).collect();
        output::write(list, lines.as_bytes())?;
    }
    let component = program.component().len();
    if args.json {
        return print(&json!({
            "board": board.name,
            "target": board.pulley(),
            "component_bytes": component,
            "image_bytes": image.len(),
            "flash_bytes": flash(board),
            "imports": functions,
        }))
        .map(|()| 0);
    }
    print(&format!(
        "{}: an image of {} bytes for {} ({}), from a component of {component}",
        output.display(),
        image.len(),
        board.name,
        board.pulley()
    ))?;
    Ok(0)
}

/// A program, compiled.
pub struct Image {
    /// What firmware embeds.
    pub bytes: Vec<u8>,
    /// What the program imports of `wasi:memory-control`, as `memctl_wasmtime::Functions` names it.
    pub functions: Vec<String>,
    /// Whether the program is a command: it exports `wasi:cli/run`.
    pub runs: bool,
}

/// The image of `program` for `board`, whose firmware provides the interfaces in `provided` too.
///
/// # Errors
/// The board runs Linux, the program needs what its firmware lacks, or can't be compiled, or the image is larger than the board's flash.
pub fn compile(program: &Program, board: &Board, provided: &[String]) -> Result<Image> {
    if board.system == System::Linux {
        bail!("{} runs Linux, where `memctl run` runs the component itself: there is no image to make", board.name);
    }
    let component = program.component();
    let needs = Needs::of(component, provided)?;
    if !needs.missing.is_empty() {
        bail!("{}", lacking(&needs.missing, &board.name));
    }
    let image = image(program, board)?;
    if let Some(flash) = flash(board)
        && image.len() as u64 > flash
    {
        bail!(
            "the image alone, {} bytes, is larger than the flash of {}, {}; `memctl plan` counts the rest too",
            image.len(),
            board.name,
            Size(flash)
        );
    }
    Ok(Image { bytes: image, functions: needs.functions, runs: needs.runs })
}

/// The image of `program`, whatever the firmware of `board` provides and however much flash it has.
///
/// # Errors
/// It can't be compiled.
pub(crate) fn image(program: &Program, board: &Board) -> Result<Vec<u8>> {
    let stripped = strip::strip(program.component())?;
    let engine = Engine::new(&memctl_wasmtime::board_config(board.pulley())?)?;
    let _progress = Progress::spinner(format!("compiling {} for {}", program.path().display(), board.name));
    engine.precompile_component(&stripped).map_err(anyhow::Error::from).context("can't compile it")
}

/// What `program` imports and a board's firmware lacks, unless it is in `provided`.
///
/// # Errors
/// It is not valid.
pub(crate) fn missing(program: &Program, provided: &[String]) -> Result<Vec<String>> {
    Needs::of(program.component(), provided).map(|needs| needs.missing)
}

/// The largest stretch of flash, in bytes, if the board has any: an image lies in one piece.
fn flash(board: &Board) -> Option<u64> {
    board.banks(Kind::Flash).map(|bank| bank.length.0).max()
}

/// Says what is missing and what to do about it.
fn lacking(missing: &[String], board: &str) -> String {
    let mut text = format!("it imports what firmware on {board} does not have:");
    for name in missing {
        text.push_str("\n  ");
        text.push_str(name);
    }
    text.push_str(
        "\nA board has wasi:memory-control without files, and stdout. Programs with Rust's std, or with the adapter for preview 1, import much of \
         WASI whether they use it or not: build a program without std, as in examples/board/guests. If your firmware has these \
         interfaces, say so: --provides NAME.",
    );
    text
}
