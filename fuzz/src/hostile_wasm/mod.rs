//! Hostile modules, compiled and run for real on `alias`, with the fault handler in place and a file that others cut off.
//!
//! A module may trap, run out of fuel or be refused. The process lives, a bystander's bytes are as they were, and nothing is left of the
//! guest after its end.

mod own;
mod smith;

use arbitrary::{Result, Unstructured};
use memctl_wasmtime::{Mode, Violation};
use wasmtime::{Error, Instance, Module, Store, Val};

use crate::bystander::{Bystander, Watches};
use crate::host::{Host, State, host, refuel};

/// What an input came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The module was compiled.
    pub compiled: bool,
    /// Functions after which the guest had a mapping.
    pub mapped: usize,
    /// Functions that trapped.
    pub trapped: usize,
}

/// Runs the module that the bytes stand for: one in eight is wasm-smith's.
///
/// # Errors
/// If the bytes stand for no module.
///
/// # Panics
/// If the module does more than trap.
pub fn run(bytes: &[u8]) -> Result<Outcome> {
    let mut u = Unstructured::new(bytes);
    let setting: u8 = u.arbitrary()?;
    let watches = if setting & 1 == 0 { Watches::Nothing } else { Watches::Shared };
    let module = if setting >= 224 { smith::module(&mut u)? } else { own::module(&mut u)? };
    Ok(run_module(&host(Mode::Alias), watches, &module))
}

fn run_module(host: &Host, watches: Watches, module: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let Ok(module) = Module::new(&host.engine, module) else { return outcome };
    outcome.compiled = true;
    let mut store = host.store(Some(Bystander::new(host, watches)));
    match host.linker.instantiate(&mut store, &module) {
        Ok(instance) => call_all(&mut store, instance, &mut outcome),
        Err(trap) => note(&trap, &mut outcome),
    }
    let mut bystander = store.data_mut().bystander.take().expect("it was lent");
    bystander.check();
    drop(store);
    bystander.check();
    drop(bystander);
    host.check();
    outcome
}

/// Calls every function that the module exports, with zeros.
fn call_all(store: &mut Store<State>, instance: Instance, outcome: &mut Outcome) {
    let functions: Vec<_> = instance.exports(&mut *store).filter_map(wasmtime::Export::into_func).collect();
    for function in functions {
        let kind = function.ty(&*store);
        let zeros: Option<Vec<Val>> = kind.params().map(|param| param.default_value()).collect();
        let results: Option<Vec<Val>> = kind.results().map(|result| result.default_value()).collect();
        let (Some(zeros), Some(mut results)) = (zeros, results) else { continue };
        refuel(store);
        if let Err(trap) = function.call(&mut *store, &zeros, &mut results) {
            note(&trap, outcome);
        }
        outcome.mapped += usize::from(store.data().memctl.usage().mappings > 0);
    }
}

fn note(trap: &Error, outcome: &mut Outcome) {
    outcome.trapped += 1;
    assert_ne!(trap.downcast_ref(), Some(&Violation::Parallel), "nobody else is inside");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::noise;

    #[test]
    fn a_good_part_of_all_modules_runs_and_maps() {
        let (mut compiled, mut mapped, mut trapped) = (0, 0, 0);
        for seed in 0..200 {
            let outcome = run(&noise(seed, 800)).unwrap_or_default();
            compiled += usize::from(outcome.compiled);
            mapped += usize::from(outcome.mapped > 0);
            trapped += usize::from(outcome.trapped > 0);
        }
        assert!(compiled > 160, "only {compiled} of 200 modules are valid");
        assert!(mapped > 80, "only {mapped} of 200 modules map anything");
        assert!(trapped > 80, "only {trapped} of 200 modules trap");
    }
}
