//! Calls of a core module's with any numbers: what the core linker makes of them.
//!
//! A call returns or traps. Whatever it was, the host lives, a bystander's bytes are as they were, and nothing is left of the guest after
//! its end.

use arbitrary::{Arbitrary, Result, Unstructured};
use memctl_wasmtime::{Mode, Violation};
use wasm_encoder::ValType;
use wasmtime::Val;

use crate::bystander::{Bystander, Watches};
use crate::guest::Guest;
use crate::host::host;
use crate::interface::{self, FUNCTIONS, Role};
use crate::module::trampoline;

/// Which backend, and what is called.
#[derive(Debug)]
pub struct Program {
    mode: Mode,
    watches: Watches,
    calls: Vec<Call>,
}

#[derive(Debug)]
enum Call {
    /// A function of the interface, by its place in the table.
    Interface(usize, Vec<Val>),
    /// The guest stores in its memory: windows, names, results.
    Fill(i32, u8, u8),
    Load(i32),
    /// Another process cuts the file off, or makes it longer.
    Cut(u16),
}

/// What an input came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// Calls after which the guest had a mapping, and those that trapped.
    pub mapped: usize,
    /// Calls that trapped.
    pub trapped: usize,
}

const MOST: usize = 64;

impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let setting: u8 = u.arbitrary()?;
        let mode = if setting & 1 == 0 { Mode::Alias } else { Mode::Copy };
        let watches = if setting & 2 == 0 { Watches::Nothing } else { Watches::Shared };
        let mut calls = Vec::new();
        while !u.is_empty() && calls.len() < MOST {
            calls.push(u.arbitrary()?);
        }
        Ok(Self { mode, watches, calls })
    }
}

impl<'a> Arbitrary<'a> for Call {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        // Opening and mapping come first in most lives.
        let function = match u.arbitrary::<u8>()? {
            choice @ ..160 => interface::pick(choice),
            160..176 => interface::index("[static]object.open"),
            176..184 => interface::index("[static]object.anonymous"),
            184..208 => interface::index("[static]mapping.map"),
            208..232 => return Ok(Self::Fill(address(u)?, u.arbitrary()?, u.arbitrary()?)),
            232..252 => return Ok(Self::Load(address(u)?)),
            252.. => return Ok(Self::Cut(u.arbitrary()?)),
        };
        let arguments = FUNCTIONS[function].params.iter().map(|role| argument(*role, u));
        Ok(Self::Interface(function, arguments.collect::<Result<_>>()?))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
fn address(u: &mut Unstructured<'_>) -> Result<i32> {
    Ok(interface::edge(u)? as i32)
}

#[expect(clippy::cast_possible_truncation, reason = "any number will do")]
fn argument(role: Role, u: &mut Unstructured<'_>) -> Result<Val> {
    let number = role.number(u)?;
    Ok(if role.kind() == ValType::I64 { Val::I64(number) } else { Val::I32(number as i32) })
}

/// Makes the calls.
///
/// # Panics
/// If a call does more than return or trap.
pub fn run(program: &Program) -> Outcome {
    let host = host(program.mode);
    let bystander = Bystander::new(&host, program.watches);
    let mut guest = Guest::new(&host, Some(bystander));
    let mut outcome = Outcome::default();
    for call in &program.calls {
        let answer = match call {
            Call::Interface(function, arguments) => guest.call(&trampoline(*function), arguments),
            Call::Fill(address, value, len) => {
                let (value, len) = (i32::from(*value), i32::from(*len) * 16);
                guest.call("fill", &[Val::I32(*address), Val::I32(value), Val::I32(len)])
            }
            Call::Load(address) => guest.call("load", &[Val::I32(*address)]),
            Call::Cut(len) => {
                crate::host::set_file_len(guest.store.data(), u64::from(*len));
                Ok(())
            }
        };
        if let Err(trap) = answer {
            outcome.trapped += 1;
            assert_ne!(trap.downcast_ref(), Some(&Violation::Parallel), "nobody else is inside");
        }
        outcome.mapped += usize::from(guest.store.data().memctl.usage().mappings > 0);
    }
    let mut bystander = guest.store.data_mut().bystander.take().expect("it was lent");
    bystander.check();
    drop(guest);
    bystander.check();
    drop(bystander);
    host.check();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn random_calls_map_and_trap() {
        let (mut mapped, mut trapped) = (0, 0);
        for seed in 0..200 {
            let program = Program::arbitrary(&mut Unstructured::new(&noise(seed, 800))).expect("any bytes are calls");
            let outcome = run(&program);
            mapped += usize::from(outcome.mapped > 0);
            trapped += usize::from(outcome.trapped > 0);
        }
        assert!(mapped > 60, "only {mapped} of 200 programs map anything");
        assert!(trapped > 100, "only {trapped} of 200 programs trap");
    }
}
