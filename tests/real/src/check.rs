//! Comparing what drivers said.

use anyhow::{Result, bail};

use crate::report::Check;
use crate::run::Said;

impl Check {
    /// A claim that holds if `prove` doesn't fail; it gives details worth showing.
    pub(crate) fn of(claim: impl Into<String>, prove: impl FnOnce() -> Result<Vec<String>>) -> Self {
        match prove() {
            Ok(details) => Self { claim: claim.into(), error: None, details },
            Err(error) => Self { claim: claim.into(), error: Some(format!("{error:#}")), details: Vec::new() },
        }
    }
}

/// Refuses the first line that differs.
pub(crate) fn same(what: &str, found: &Said, wanted: &Said) -> Result<()> {
    let lines = found.same.iter().zip(&wanted.same).enumerate();
    if let Some((number, (found, wanted))) = lines.into_iter().find(|(_, (found, wanted))| found != wanted) {
        bail!("{what}: line {} is {found:?} instead of {wanted:?}", number + 1);
    }
    if found.same.len() != wanted.same.len() {
        bail!("{what}: {} lines instead of {}", found.same.len(), wanted.same.len());
    }
    Ok(())
}
