//! memctl: run and compare WebAssembly programs that map memory, protect their memory, and soak the machine they run on.

use clap::Parser;
use memctl_cli::args::{Cli, Command};
use memctl_cli::log::{self, Detail};
use memctl_cli::{compare, compile, component, declare, instrument, plan, run, soak, windows};

fn main() {
    let cli = Cli::parse();
    let verbose = match &cli.command {
        Command::Run(args) => args.guest.verbose,
        Command::Compare(args) => args.guest.verbose,
        Command::Soak(_)
        | Command::Instrument(_)
        | Command::Declare(_)
        | Command::Component(_)
        | Command::LinkWindows(_)
        | Command::Compile(_)
        | Command::Plan(_) => false,
    };
    log::start(if verbose { Detail::Decisions } else { Detail::Reasons });
    let result = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Soak(args) => soak::run(args),
        Command::Instrument(args) => instrument::run(args),
        Command::Declare(args) => declare::run(args),
        Command::Component(args) => component::run(args),
        Command::LinkWindows(args) => windows::run(args),
        Command::Compile(args) => compile::run(args),
        Command::Plan(args) => plan::run(args),
    };
    let code = result.unwrap_or_else(|error| {
        eprintln!("memctl: {error:#}");
        1
    });
    // Not a return: a program may exit with any 32-bit code, and its blocked reads of stdin must not keep us.
    std::process::exit(code)
}
