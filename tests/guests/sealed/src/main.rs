//! A command that seals its constants, and then does what its arguments say.

mod arena;
mod at;
mod guarded;
mod image;
mod work;

use std::env;
use std::process::ExitCode;

use memctl_guest::protection;

const USAGE: &str = "usage: guest-sealed [unsealed] SUBCOMMAND
  bounds            print what is sealed
  image             print where things are
  load ADDRESS      load a byte and print it
  store ADDRESS     store a byte there, and print it
  again             seal a second time
  work              what programs do: containers, text, threads' variables, allocations
  panic             panic with a message
  recurse           guard the stack, and use it up
  guarded WHAT      misuse a guarded buffer: over, under, canary, read-only, no-access; or use it: fine
  arena WHAT        fine, behind, after-reset, full, lean
  discard           give a large buffer back, and print what is left in it";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if arguments.first() == Some(&"unsealed") {
        arguments.remove(0);
    } else if let Err(error) = memctl_guest::seal_rodata() {
        eprintln!("guest-sealed: {error}");
        return ExitCode::FAILURE;
    }
    let done = match arguments[..] {
        ["bounds"] => {
            let bounds = protection::sealed();
            println!("{} {}", bounds.no_access, bounds.read_only);
            Ok(())
        }
        ["image"] => {
            image::print();
            Ok(())
        }
        ["load", address] => {
            println!("{}", at::load(address));
            Ok(())
        }
        ["store", address] => {
            at::store(address, 42);
            println!("{}", at::load(address));
            Ok(())
        }
        ["again"] => {
            println!("{:?}", memctl_guest::seal_rodata());
            Ok(())
        }
        ["work"] => {
            work::all();
            Ok(())
        }
        ["panic"] => panic!("a message with a number, {}", arguments.len()),
        ["recurse"] => work::recurse(),
        ["guarded", what] => guarded::run(what),
        ["arena", what] => arena::run(what),
        ["discard"] => work::discard(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guest-sealed: {error}");
            ExitCode::FAILURE
        }
    }
}
