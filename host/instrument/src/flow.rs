//! Which facts hold at an instruction: follows a function's blocks and branches.

use std::collections::BTreeSet;

use wasmparser::{Catch, Operator};

use crate::{
    Error,
    facts::{Facts, Values},
    prescan::{self, LoopBody},
};

/// A block that is open.
#[derive(Debug)]
struct Open {
    is_loop: bool,
    /// What is known on every branch to its end so far; None if there was no branch.
    at_end: Option<Facts>,
    /// What is known where the `else` begins, which is there even if it isn't written.
    at_else: Option<Facts>,
}

/// Where a function's rewriting is, and what is known there.
#[derive(Debug)]
pub(crate) struct Flow {
    loops: std::vec::IntoIter<LoopBody>,
    open: Vec<Open>,
    facts: Facts,
    /// Whether control comes here.
    reached: bool,
}

impl Flow {
    pub(crate) fn new(loops: Vec<LoopBody>) -> Self {
        Self { loops: loops.into_iter(), open: Vec::new(), facts: Facts::default(), reached: true }
    }

    /// What is known here.
    pub(crate) fn facts(&mut self) -> &mut Facts {
        &mut self.facts
    }

    /// Before an instruction: what is known is carried along branches.
    pub(crate) fn before(&mut self, op: &Operator<'_>, values: &mut Values) -> Result<(), Error> {
        match op {
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth }
            | Operator::BrOnCast { relative_depth, .. }
            | Operator::BrOnCastFail { relative_depth, .. } => self.branch(*relative_depth, values),
            Operator::BrTable { targets } => {
                let mut labels = BTreeSet::from([targets.default()]);
                for target in targets.targets() {
                    labels.insert(target?);
                }
                for label in labels {
                    self.branch(label, values);
                }
            }
            Operator::TryTable { try_table } => {
                // An exception may come from anywhere inside.
                for catch in &try_table.catches {
                    let (Catch::One { label, .. }
                    | Catch::OneRef { label, .. }
                    | Catch::All { label }
                    | Catch::AllRef { label }) = catch;
                    if let Some(open) = self.label(*label) {
                        open.at_end = Some(Facts::default());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn label(&mut self, label: u32) -> Option<&mut Open> {
        let at = self.open.len().checked_sub(label as usize + 1)?;
        Some(&mut self.open[at])
    }

    fn branch(&mut self, label: u32, values: &mut Values) {
        if !self.reached {
            return;
        }
        let at = self.open.len().checked_sub(label as usize + 1);
        if let Some(at) = at
            && !self.open[at].is_loop
        {
            join(&mut self.open[at].at_end, &self.facts, values);
        }
    }

    /// After an instruction. `reachable` is what the validator says about the next.
    pub(crate) fn after(&mut self, op: &Operator<'_>, reachable: bool, values: &mut Values) {
        match op {
            Operator::Block { .. } | Operator::TryTable { .. } | Operator::Try { .. } => self.enter(false, None),
            Operator::Loop { .. } => {
                if let Some(body) = self.loops.next() {
                    self.facts.forget_locals(&body.written);
                    if body.calls {
                        self.facts.forget_allowed();
                    }
                }
                self.enter(true, None);
            }
            Operator::If { .. } => {
                let at_else = self.reached.then(|| self.facts.clone());
                self.enter(false, at_else);
            }
            Operator::Else => {
                self.ends_here(values);
                let at_else = self.open.last_mut().and_then(|open| open.at_else.take());
                self.begin(at_else);
            }
            Operator::Catch { .. } | Operator::CatchAll => {
                self.ends_here(values);
                self.begin(Some(Facts::default()));
            }
            Operator::End | Operator::Delegate { .. } => {
                self.ends_here(values);
                if let Some(Open { mut at_end, at_else, .. }) = self.open.pop() {
                    if let Some(at_else) = at_else {
                        join(&mut at_end, &at_else, values);
                    }
                    self.begin(at_end);
                }
            }
            op if prescan::calls(op) => self.facts.forget_allowed(),
            _ => {}
        }
        if !reachable {
            self.reached = false;
        }
    }

    fn enter(&mut self, is_loop: bool, at_else: Option<Facts>) {
        self.open.push(Open { is_loop, at_end: None, at_else });
    }

    /// Control comes to the end of the innermost block from here.
    fn ends_here(&mut self, values: &mut Values) {
        if self.reached
            && let Some(open) = self.open.last_mut()
        {
            join(&mut open.at_end, &self.facts, values);
        }
    }

    /// Control comes here, or doesn't, with what is known.
    fn begin(&mut self, facts: Option<Facts>) {
        self.reached = facts.is_some();
        self.facts = facts.unwrap_or_default();
    }
}

fn join(at: &mut Option<Facts>, facts: &Facts, values: &mut Values) {
    *at = Some(match at.take() {
        None => facts.clone(),
        Some(known) => known.meet(facts, values),
    });
}
