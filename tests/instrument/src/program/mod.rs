//! Random programs for what a rewriter may get wrong: the same few addresses over and over, kept, changed, compared and passed on in every shape of control.

mod operands;

use std::fmt::Write;

use arbitrary::{Result, Unstructured};

use crate::engine::Runs;
use crate::guest::SYNC;
use crate::text::Width;

/// How many values the functions of a program return.
const RESULTS: [usize; 3] = [1, 2, 0];
const FUNCTIONS: usize = RESULTS.len();

/// A program in the text format, for an engine. It has two memories of a wasm page each, whose addresses are of any type.
///
/// # Errors
/// If there are too few bytes.
pub fn program(u: &mut Unstructured<'_>, runs: Runs) -> Result<String> {
    let widths = [*u.choose(&Width::ALL)?, *u.choose(&Width::ALL)?];
    let mut text = String::from("(module\n");
    let [from, sync] = SYNC;
    let _ = writeln!(text, "  (import \"{from}\" \"{sync}\" (func $sync))");
    for (number, width) in widths.iter().enumerate() {
        let index = if *width == Width::Bits64 { "i64 " } else { "" };
        let _ = writeln!(text, "  (memory (export \"memory {number}\") {index}1 2)");
    }
    let _ = writeln!(text, "  (global $stack (export \"stack\") (mut {}) ({0}.const 900))", widths[0].name());
    text += "  (global $count (export \"count\") (mut i64) (i64.const 0))\n";
    text += "  (table funcref (elem $f0 $f1 $f2 $sync))\n  (data (i32.const 0) \"\")\n  (data $bytes \"0123456789abcdef0123456789abcdef\")\n";
    if widths[0] == Width::Bits64 {
        text = text.replace("(data (i32.const 0)", "(data (i64.const 0)");
    }
    text += "  (type $none (func))\n";
    for (number, results) in RESULTS.iter().enumerate() {
        let results = "(result i64)".repeat(*results);
        let _ = writeln!(text, "  (type $t{number} (func (param {0} {0} i64) {results}))", widths[0].name());
    }
    for number in 0..FUNCTIONS {
        let mut function =
            Function { u, runs, text: &mut text, widths, number, loops: 0, labels: Vec::new(), left: 40 };
        function.write()?;
    }
    text += ")\n";
    Ok(text)
}

/// What a branch goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Block,
    Loop,
}

struct Function<'a, 'b> {
    u: &'a mut Unstructured<'b>,
    runs: Runs,
    text: &'a mut String,
    widths: [Width; 2],
    number: usize,
    loops: usize,
    /// The blocks around the statement that is written.
    labels: Vec<Label>,
    /// Statements that it may still have.
    left: u32,
}

impl Function<'_, '_> {
    fn write(&mut self) -> Result<()> {
        let ty = self.widths[0].name();
        let results = "(result i64)".repeat(RESULTS[self.number]);
        let _ = writeln!(
            self.text,
            "  (func $f{0} (export \"f{0}\") (type $t{0}) (param $a {ty}) (param $b {ty}) (param $v i64) {results}\n    \
             (local $c {ty}) (local $n0 i32) (local $n1 i32) (local $n2 i32) (local $x v128)",
            self.number
        );
        let start = self.number()?;
        self.line(&format!("(local.set $c ({ty}.const {}))", start + 512));
        self.statements(12)?;
        let values = self.values();
        let _ = writeln!(self.text, "    {values})");
        Ok(())
    }

    fn statements(&mut self, most: u32) -> Result<()> {
        for _ in 0..self.u.int_in_range(1..=most)? {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            self.statement()?;
        }
        Ok(())
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{:1$}{line}", "", 4 + 2 * self.labels.len());
    }

    fn nested(&mut self, label: Label, open: &str, most: u32, close: &str) -> Result<()> {
        self.line(open);
        self.labels.push(label);
        self.statements(most)?;
        self.labels.pop();
        self.line(close);
        Ok(())
    }

    fn statement(&mut self) -> Result<()> {
        let choice = self.u.int_in_range(0..=41_u8)?;
        let line = match choice {
            0..=12 => format!("(local.set $v (i64.add (local.get $v) {}))", self.load()?),
            13..=20 => self.store()?,
            21 | 22 => format!("(local.set {} {})", self.variable()?, self.address(2)?),
            23 => format!("(global.set $stack {})", self.address(1)?),
            24 => {
                let ty = self.widths[0].name();
                format!("(global.set $stack (local.tee $c ({ty}.sub (global.get $stack) ({ty}.const 32))))")
            }
            25 => self.bulk()?,
            26 if self.labels.len() < 4 => return self.nested(Label::Block, "(block", 5, ")"),
            27 | 28 if self.labels.len() < 4 => {
                let condition = self.condition()?;
                self.nested(Label::Block, &format!("(if {condition} (then"), 4, ") (else")?;
                return self.nested(Label::Block, "", 3, "))");
            }
            29 | 30 if self.labels.len() < 4 && self.loops < 3 => {
                let counter = self.loops;
                self.loops += 1;
                let times = self.u.int_in_range(2..=4_u8)?;
                self.line(&format!("(local.set $n{counter} (i32.const {times}))"));
                self.nested(
                    Label::Loop,
                    "(loop",
                    5,
                    &format!("(br_if 0 (local.tee $n{counter} (i32.sub (local.get $n{counter}) (i32.const 1)))))"),
                )?;
                self.loops -= 1;
                return Ok(());
            }
            31 | 32 if !self.labels.is_empty() => {
                let target = self.forward()?;
                match target {
                    Some(target) => format!("(br_if {target} {})", self.condition()?),
                    None => "(nop)".into(),
                }
            }
            33 => (*self.u.choose(&["(call $sync)", "(call_indirect (type $none) (i32.const 3))"])?).into(),
            34 | 35 if self.number + 1 < FUNCTIONS => self.call(choice == 34)?,
            36 => {
                let one = self.widths[0].name();
                format!("(drop (memory.grow ({one}.const 1)))")
            }
            37 => format!("(local.set $x (v128.xor (local.get $x) {}))", self.load_vector()?),
            38 => {
                let (condition, values) = (self.rarely()?, self.values());
                let leave = if self.u.arbitrary()? { "return".into() } else { format!("br {}", self.labels.len() + 1) };
                format!("(if {condition} (then ({leave} {values})))")
            }
            39 if self.labels.len() < 3 => {
                let label = self.variable()?;
                let index = if self.widths[0] == Width::Bits64 {
                    format!("(i32.wrap_i64 (local.get {label}))")
                } else {
                    format!("(local.get {label})")
                };
                self.line("(block");
                self.labels.push(Label::Block);
                self.nested(Label::Block, "(block", 3, &format!("(br_table 0 1 1 0 {index}))"))?;
                self.statements(4)?;
                self.labels.pop();
                ")".into()
            }
            40 if !self.labels.is_empty() => {
                // What comes after it is never reached.
                let Some(target) = self.forward()? else { return Ok(()) };
                let (load, store) = (self.load()?, self.store()?);
                format!("(if {} (then (br {}) (drop {load}) {store} (unreachable)))", self.condition()?, target + 1)
            }
            // Values that stay on the stack while accesses happen.
            _ => {
                let (a, b, c) = (self.load()?, self.load()?, self.load()?);
                format!("(local.set $v (i64.xor {a} (i64.sub {b} {c})))")
            }
        };
        self.line(&line);
        Ok(())
    }

    /// A call of the next function, by name or through the table.
    fn call(&mut self, direct: bool) -> Result<String> {
        let (a, b, next) = (self.address(1)?, self.address(1)?, self.number + 1);
        let call = if direct {
            format!("(call $f{next} {a} {b} (local.get $v))")
        } else {
            format!("(call_indirect (type $t{next}) {a} {b} (local.get $v) (i32.const {next}))")
        };
        Ok(match RESULTS[next] {
            0 => call,
            1 => format!("(local.set $v {call})"),
            _ => format!("(local.set $v (i64.add {call}))"),
        })
    }

    /// What the function returns, as text.
    fn values(&self) -> String {
        "(local.get $v) ".repeat(RESULTS[self.number])
    }

    /// A block around here, never a loop: programs end.
    fn forward(&mut self) -> Result<Option<usize>> {
        let labels = self.labels.iter().rev().enumerate();
        let blocks: Vec<_> = labels.filter(|(_, label)| **label == Label::Block).map(|(number, _)| number).collect();
        Ok(if blocks.is_empty() { None } else { Some(*self.u.choose(&blocks)?) })
    }
}
