//! Markdown to HTML with highlighted code. Before anything else the program seals itself: the null page traps, and so does whoever stores to its constants, among them
//! hundreds of kilobytes of grammars and colours.
//!
//! `memctl run --dir . example-sealed.wasm README.md`

mod page;

use std::process::ExitCode;
use std::{env, fs, io};

const USAGE: &str = "usage: example-sealed [--unsealed] FILE.md...
  Prints the files as HTML. --unsealed leaves the memory as it is, to compare.";

fn main() -> ExitCode {
    let mut files: Vec<String> = env::args().skip(1).collect();
    let unsealed = files.first().is_some_and(|argument| argument == "--unsealed");
    if unsealed {
        files.remove(0);
    } else {
        match memctl_guest::seal_rodata() {
            Ok(bounds) => {
                let constants = bounds.read_only - bounds.no_access;
                eprintln!("sealed: {} bytes from address 0 on, and {constants} bytes of constants", bounds.no_access);
            }
            Err(error) => {
                eprintln!("example-sealed: not sealed: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if files.is_empty() || files.iter().any(|file| file.starts_with('-')) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match print(&files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("example-sealed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(files: &[String]) -> io::Result<()> {
    let maker = page::Maker::new();
    for file in files {
        let text =
            fs::read_to_string(file).map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
        println!("{}", maker.html(&text).map_err(io::Error::other)?);
    }
    Ok(())
}
