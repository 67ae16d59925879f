//! What has to be known of a function before its first instruction is rewritten.

use std::collections::BTreeSet;

use wasmparser::{FunctionBody, Operator};

/// What happens in a loop.
#[derive(Debug, Default)]
pub(crate) struct LoopBody {
    /// Locals that are written.
    pub(crate) written: BTreeSet<u32>,
    /// Whether other functions are called.
    pub(crate) calls: bool,
}

/// What there is in a function.
#[derive(Debug, Default)]
pub(crate) struct Prescan {
    /// Its loops, in the order in which they begin.
    pub(crate) loops: Vec<LoopBody>,
    /// Whether there are branches to the function's end.
    pub(crate) branches_out: bool,
}

/// Whether other functions run during an instruction.
pub(crate) fn calls(op: &Operator<'_>) -> bool {
    matches!(op, Operator::Call { .. } | Operator::CallIndirect { .. } | Operator::CallRef { .. })
}

impl Prescan {
    pub(crate) fn of(body: &FunctionBody<'_>) -> Result<Self, wasmparser::Error> {
        let mut found = Self::default();
        // For each block that is open, the loop that it is.
        let mut open: Vec<Option<usize>> = Vec::new();
        for op in body.get_operators_reader()? {
            let op = op?;
            let depth = open.len();
            let out = |label: u32| label as usize >= depth;
            match &op {
                Operator::Loop { .. } => {
                    open.push(Some(found.loops.len()));
                    found.loops.push(LoopBody::default());
                }
                Operator::Block { .. } | Operator::If { .. } | Operator::Try { .. } => open.push(None),
                Operator::TryTable { .. } => {
                    open.push(None);
                    found.branches_out = true;
                }
                Operator::End | Operator::Delegate { .. } => found.close(&mut open),
                Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                    found.branches_out |= out(*relative_depth);
                }
                Operator::BrTable { targets } => {
                    found.branches_out |= out(targets.default());
                    for target in targets.targets() {
                        found.branches_out |= out(target?);
                    }
                }
                Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                    if let Some(innermost) = open.iter().rev().find_map(|block| *block) {
                        found.loops[innermost].written.insert(*local_index);
                    }
                }
                op if calls(op) => {
                    if let Some(innermost) = open.iter().rev().find_map(|block| *block) {
                        found.loops[innermost].calls = true;
                    }
                }
                Operator::BrOnNull { .. }
                | Operator::BrOnNonNull { .. }
                | Operator::BrOnCast { .. }
                | Operator::BrOnCastFail { .. } => found.branches_out = true,
                _ => {}
            }
            if matches!(op, Operator::Delegate { .. } | Operator::Rethrow { .. }) {
                found.branches_out = true;
            }
        }
        Ok(found)
    }

    /// A block ends: what happens in a loop happens in the loops around it too.
    fn close(&mut self, open: &mut Vec<Option<usize>>) {
        let Some(Some(ended)) = open.pop() else { return };
        let Some(around) = open.iter().rev().find_map(|block| *block) else { return };
        let (written, calls) = (self.loops[ended].written.clone(), self.loops[ended].calls);
        self.loops[around].written.extend(written);
        self.loops[around].calls |= calls;
    }
}
