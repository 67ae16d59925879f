//! Random programs for what a rewriter may get wrong: the same few addresses over and over, kept, changed, compared and passed on in every shape of control.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};

use crate::engine::Runs;
use crate::guest::SYNC;
use crate::text::Width;

/// Offsets: small ones, and some as large as a bound.
const OFFSETS: [u64; 16] = [0, 0, 0, 0, 0, 1, 4, 4, 8, 8, 12, 16, 16, 64, 96, 1000];
/// An offset that takes all but the last addresses past the end.
const PAST: u64 = 0xffff_fff0;
/// How many functions a program has.
const FUNCTIONS: usize = 3;

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
    let _ = writeln!(text, "  (type $f (func (param {0} {0} i64) (result i64)))", widths[0].name());
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
        let _ = writeln!(
            self.text,
            "  (func $f{0} (export \"f{0}\") (type $f) (param $a {ty}) (param $b {ty}) (param $v i64) (result i64)\n    \
             (local $c {ty}) (local $n0 i32) (local $n1 i32) (local $n2 i32) (local $x v128)",
            self.number
        );
        let start = self.number()?;
        self.line(&format!("(local.set $c ({ty}.const {}))", start + 512));
        self.statements(12)?;
        self.text.push_str("    (local.get $v))\n");
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
        let choice = self.u.int_in_range(0..=39_u8)?;
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
            34 if self.number + 1 < FUNCTIONS => {
                let (a, b) = (self.address(1)?, self.address(1)?);
                format!("(local.set $v (call $f{} {a} {b} (local.get $v)))", self.number + 1)
            }
            35 if self.number + 1 < FUNCTIONS => {
                let (a, b) = (self.address(1)?, self.address(1)?);
                format!(
                    "(local.set $v (call_indirect (type $f) {a} {b} (local.get $v) (i32.const {})))",
                    self.number + 1
                )
            }
            36 => {
                let one = self.widths[0].name();
                format!("(drop (memory.grow ({one}.const 1)))")
            }
            37 => format!("(local.set $x (v128.xor (local.get $x) {}))", self.load_vector()?),
            38 => format!("(if {} (then (return (local.get $v))))", self.rarely()?),
            // Values that stay on the stack while accesses happen.
            _ => {
                let (a, b, c) = (self.load()?, self.load()?, self.load()?);
                format!("(local.set $v (i64.xor {a} (i64.sub {b} {c})))")
            }
        };
        self.line(&line);
        Ok(())
    }

    /// A block around here, never a loop: programs end.
    fn forward(&mut self) -> Result<Option<usize>> {
        let labels = self.labels.iter().rev().enumerate();
        let blocks: Vec<_> = labels.filter(|(_, label)| **label == Label::Block).map(|(number, _)| number).collect();
        Ok(if blocks.is_empty() { None } else { Some(*self.u.choose(&blocks)?) })
    }

    fn variable(&mut self) -> Result<&'static str> {
        Ok(*self.u.choose(&["$a", "$a", "$b", "$c"])?)
    }

    /// An address in memory 0.
    fn address(&mut self, deep: u8) -> Result<String> {
        let ty = self.widths[0].name();
        let choice = self.u.int_in_range(0..=15_u8)?;
        Ok(match choice {
            0..=6 => format!("(local.get {})", self.variable()?),
            7 => "(global.get $stack)".into(),
            8 => format!("({ty}.const {})", self.number()?),
            _ if deep == 0 => format!("(local.get {})", self.variable()?),
            9 | 10 => format!("({ty}.add {} ({ty}.const {}))", self.address(deep - 1)?, self.number()?),
            11 => format!("({ty}.sub {} ({ty}.const {}))", self.address(deep - 1)?, self.u.choose(&[1, 8, 16, 40])?),
            12 | 13 => format!("(local.tee {} {})", self.variable()?, self.address(deep - 1)?),
            14 => format!("({ty}.and {} ({ty}.const 1023))", self.address(deep - 1)?),
            _ => {
                let condition = self.condition()?;
                format!("(select {} {} {condition})", self.address(deep - 1)?, self.address(deep - 1)?)
            }
        })
    }

    fn number(&mut self) -> Result<u64> {
        let edge = *self.u.choose(&[0, 0, 32, 64, 96, 128, 192, 512, 640, 700])?;
        Ok(edge + *self.u.choose(&[0, 0, 1, 4, 8, 28])?)
    }

    fn condition(&mut self) -> Result<String> {
        let ty = self.widths[0].name();
        let (a, b) = (self.variable()?, self.number()?);
        let op = *self.u.choose(&["lt_u", "ge_u", "eq", "gt_s"])?;
        Ok(format!("({ty}.{op} (local.get {a}) ({ty}.const {b}))"))
    }

    fn rarely(&mut self) -> Result<String> {
        Ok(format!("(i64.eq (local.get $v) (i64.const {}))", self.u.int_in_range(0..=3_u8)?))
    }

    /// The memory that an access is to, as text; its address; its offset.
    fn place(&mut self) -> Result<(&'static str, String, u64)> {
        let offset = if self.u.ratio(1, 100)? { PAST } else { *self.u.choose(&OFFSETS)? };
        if self.u.ratio(1, 6)? {
            let address = self.address(2)?;
            return Ok((" 1", self.converted(address), offset));
        }
        Ok(("", self.address(2)?, offset))
    }

    /// An address of memory 0's type, as one of memory 1's.
    fn converted(&self, address: String) -> String {
        match self.widths {
            [Width::Bits32, Width::Bits64] => format!("(i64.extend_i32_u {address})"),
            [Width::Bits64, Width::Bits32] => format!("(i32.wrap_i64 {address})"),
            _ => address,
        }
    }

    fn load(&mut self) -> Result<String> {
        let atomic = match (self.runs.has_atomics(), self.u.ratio(1, 8)?) {
            (true, true) => "i64.atomic.load",
            (true, false) => "i64.atomic.load8_u",
            (false, _) => "i64.load16_u",
        };
        let op = *self.u.choose(&["i64.load8_u", "i64.load16_s", "i64.load32_u", "i64.load", "i64.load", atomic])?;
        let (memory, address, offset) = self.place()?;
        Ok(format!("({op}{memory} offset={offset} {address})"))
    }

    fn load_vector(&mut self) -> Result<String> {
        let op = *self.u.choose(&["v128.load", "v128.load8x8_u", "v128.load64_zero", "v128.load32_splat"])?;
        let (memory, address, offset) = self.place()?;
        Ok(format!("({op}{memory} offset={offset} {address})"))
    }

    fn store(&mut self) -> Result<String> {
        let (memory, address, offset) = self.place()?;
        let choice = self.u.int_in_range(0..=9_u8)?;
        Ok(match choice {
            0 => format!("(v128.store{memory} offset={offset} {address} (local.get $x))"),
            1 => format!("(v128.store16_lane{memory} offset={offset} 3 {address} (local.get $x))"),
            2 if self.runs.has_atomics() => {
                format!("(drop (i64.atomic.rmw8.add_u{memory} offset={offset} {address} (local.get $v)))")
            }
            3 => format!("(f64.store{memory} offset={offset} {address} (f64.convert_i64_s (local.get $v)))"),
            _ => {
                let op = *self.u.choose(&["i64.store8", "i64.store16", "i64.store32", "i64.store", "i64.store"])?;
                let value = if self.u.ratio(1, 3)? { self.load()? } else { "(local.get $v)".into() };
                format!("({op}{memory} offset={offset} {address} {value})")
            }
        })
    }

    fn bulk(&mut self) -> Result<String> {
        let ty = self.widths[0].name();
        let len = *self.u.choose(&[0, 0, 1, 8, 31, 33, 100, 200])?;
        let (a, b) = (self.address(1)?, self.address(1)?);
        Ok(match self.u.int_in_range(0..=3_u8)? {
            0 => format!("(memory.fill {a} (i32.const 7) ({ty}.const {len}))"),
            1 => format!("(memory.copy {a} {b} ({ty}.const {len}))"),
            2 => {
                let (to, short) = (self.converted(a), self.widths.contains(&Width::Bits32));
                let len_ty = if short { "i32" } else { "i64" };
                format!("(memory.copy 1 0 {to} {b} ({len_ty}.const {len}))")
            }
            _ => {
                let drop = if self.u.ratio(1, 12)? { " (data.drop $bytes)" } else { "" };
                format!("(memory.init $bytes {a} (i32.const {}) (i32.const {})){drop}", len % 7, len % 29)
            }
        })
    }
}
