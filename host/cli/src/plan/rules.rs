//! Which rule of the contract is kept by what on a board: hardware, checks put into the program, the interpreter, or nobody.

use serde::Serialize;

use super::demand::Demand;
use super::regions::Held;
use crate::boards::{Board, Protection, System};

/// What keeps a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Keeper {
    /// The board's protection unit or MMU.
    Hardware,
    /// Checks that `memctl instrument` puts into the program.
    Instrumentation,
    /// The interpreter's own checks of every access.
    Interpreter,
    /// memctl's domain, which refuses calls and moves bytes.
    Domain,
    /// Nothing, so what needs it is refused.
    Refused,
    /// Nothing, and the program doesn't ask for it.
    #[serde(rename = "not asked for")]
    NotAsked,
    /// Nothing.
    Nobody,
}

/// A rule, what keeps it, and how.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Kept {
    pub(super) rule: String,
    pub(super) by: Keeper,
    pub(super) how: String,
}

impl Keeper {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Instrumentation => "instrumentation",
            Self::Interpreter => "interpreter",
            Self::Domain => "domain",
            Self::Refused => "refused",
            Self::NotAsked => "not asked for",
            Self::Nobody => "nobody",
        }
    }
}

/// The rules on this board, for these programs.
pub(super) fn kept(board: &Board, demands: &[Demand], held: &[Held]) -> Vec<Kept> {
    let mut rules = Vec::new();
    let mut rule = |rule: &str, by: Keeper, how: &str| {
        rules.push(Kept { rule: rule.to_owned(), by, how: how.to_owned() });
    };
    match board.system {
        System::Linux => {
            rule("a program reaches its own memories only", Keeper::Hardware, "guard pages, and bounds in its code");
            rule("what is shared shows at once", Keeper::Hardware, "windows alias objects");
            rule("one writer or many readers", Keeper::Hardware, "leases set host-page protection");
        }
        System::Firmware => {
            rule("a program reaches its own memories only", Keeper::Interpreter, "every access is checked");
            let second = "a program's faults stay in its partition";
            match &board.protection {
                Protection::None { reason } => rule(second, Keeper::Nobody, reason),
                _ if held.iter().any(|held| held.refused.is_some()) => {
                    rule(second, Keeper::Nobody, "its regions can't be planned, see below");
                }
                _ => rule(second, Keeper::Hardware, "it runs unprivileged, in regions"),
            }
            rule("what is shared shows at calls", Keeper::Domain, "bytes are copied, or windows shown in place");
            rule("one writer or many readers", Keeper::Domain, "programs take turns; leases are checked as calls are");
            let parts = held.iter().map(|held| held.watched).min().unwrap_or(0);
            match parts {
                0 => rule("only what changed is copied", Keeper::Nobody, "whole windows are published"),
                parts => rule(
                    "only what changed is copied",
                    Keeper::Hardware,
                    &format!("up to {parts} parts of windows are read-only until the first store"),
                ),
            }
        }
    }
    for demand in demands {
        rules.push(declared(board, demand));
        rules.push(changed(board, demand));
    }
    rules
}

/// Who keeps what a program declares.
fn declared(board: &Board, demand: &Demand) -> Kept {
    let (by, how) = match (board.system, demand.instrumented, demand.declares) {
        (_, true, _) => (Keeper::Instrumentation, "checks are in its code"),
        (_, false, false) => (Keeper::NotAsked, "it declares none; memctl declare does"),
        (System::Linux, false, true) => (Keeper::Hardware, "host pages"),
        (System::Firmware, false, true) => {
            (Keeper::Nobody, "it declares some, and has no checks: memctl instrument puts them in")
        }
    };
    Kept { rule: format!("{}: its null page and constants", demand.name), by, how: how.to_owned() }
}

/// Who keeps the protection that a program changes while it runs.
fn changed(board: &Board, demand: &Demand) -> Kept {
    let (by, how) = match (board.system, demand.instrumented, demand.protects) {
        (_, _, false) => (Keeper::NotAsked, "it imports no protection"),
        (_, true, true) => (Keeper::Instrumentation, "checks against a table, unless it was put in with --table never"),
        (System::Linux, false, true) => (Keeper::Hardware, "host pages"),
        (System::Firmware, false, true) => (Keeper::Refused, "calls are answered with unsupported: memctl instrument"),
    };
    Kept { rule: format!("{}: protection that it changes", demand.name), by, how: how.to_owned() }
}
