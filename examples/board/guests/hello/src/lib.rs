//! A program without memory control: what firmware takes for any guest is measured with it.

#![no_std]

use board_guest::say;

board_guest::command!(run);

fn run() -> memctl_guest::Result<()> {
    say!("hello from a component");
    Ok(())
}
