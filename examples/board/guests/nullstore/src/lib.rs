//! A program with a mistake in it: it stores through a null pointer in its second turn, and to a constant in its fourth, each time while it holds a lease. Nobody may
//! touch either, so it traps, its lease is revoked, and it begins anew.

#![no_std]

mod sys;

use board_guest::say;
use memctl_guest::protection::{SealError, seal_rodata};
use memctl_guest::{MapOptions, Object, Result};

board_guest::command!(run);

/// What is never to change.
static CONSTANT: [u8; 16] = *b"always the same!";

fn run() -> Result<()> {
    // What it keeps in its own memory is gone when it begins anew; an object isn't.
    let mut turns = MapOptions::new().map_mut(&Object::open("turns")?)?;
    let mut turn = turns.write()?;
    turn[0] += 1;
    let number = turn[0];
    turn.release()?;
    // The host did it before anything of this ran.
    let again = match seal_rodata() {
        Err(SealError::Refused(error)) => Err(error),
        _ => Ok(()),
    };
    say!("nullstore: turn ", usize::from(number), "; to seal again what it declares: ", again);

    let _lease = turns.write()?;
    match number {
        2 => sys::store(16),
        4 => sys::store(CONSTANT.as_ptr().addr()),
        _ => {}
    }
    say!("nullstore: it holds a lease, and the constant is ", &CONSTANT[..]);
    Ok(())
}
