//! The operands of a program: addresses near each other, loads, and what is stored.

use arbitrary::Result;

use super::Function;
use crate::text::Width;

/// Offsets: small ones, and some as large as a bound.
const OFFSETS: [u64; 16] = [0, 0, 0, 0, 0, 1, 4, 4, 8, 8, 12, 16, 16, 64, 96, 1000];
/// An offset that takes all but the last addresses past the end.
const PAST: u64 = 0xffff_fff0;

impl Function<'_, '_> {
    pub(super) fn variable(&mut self) -> Result<&'static str> {
        Ok(*self.u.choose(&["$a", "$a", "$b", "$c"])?)
    }

    /// An address in memory 0.
    pub(super) fn address(&mut self, deep: u8) -> Result<String> {
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

    pub(super) fn number(&mut self) -> Result<u64> {
        let edge = *self.u.choose(&[0, 0, 32, 64, 96, 128, 192, 512, 640, 700])?;
        Ok(edge + *self.u.choose(&[0, 0, 1, 4, 8, 28])?)
    }

    pub(super) fn condition(&mut self) -> Result<String> {
        let ty = self.widths[0].name();
        let (a, b) = (self.variable()?, self.number()?);
        let op = *self.u.choose(&["lt_u", "ge_u", "eq", "gt_s"])?;
        Ok(format!("({ty}.{op} (local.get {a}) ({ty}.const {b}))"))
    }

    pub(super) fn rarely(&mut self) -> Result<String> {
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

    pub(super) fn load(&mut self) -> Result<String> {
        let atomic = match (self.runs.has_atomics(), self.u.ratio(1, 8)?) {
            (true, true) => "i64.atomic.load",
            (true, false) => "i64.atomic.load8_u",
            (false, _) => "i64.load16_u",
        };
        let op = *self.u.choose(&["i64.load8_u", "i64.load16_s", "i64.load32_u", "i64.load", "i64.load", atomic])?;
        let (memory, address, offset) = self.place()?;
        Ok(format!("({op}{memory} offset={offset} {address})"))
    }

    pub(super) fn load_vector(&mut self) -> Result<String> {
        let op = *self.u.choose(&["v128.load", "v128.load8x8_u", "v128.load64_zero", "v128.load32_splat"])?;
        let (memory, address, offset) = self.place()?;
        Ok(format!("({op}{memory} offset={offset} {address})"))
    }

    pub(super) fn store(&mut self) -> Result<String> {
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
                let value = match self.u.int_in_range(0..=9_u8)? {
                    0..=2 => self.load()?,
                    3 => self.upset()?,
                    _ => "(local.get $v)".into(),
                };
                format!("({op}{memory} offset={offset} {address} {value})")
            }
        })
    }

    /// A value that is computed while the address is on the stack, and changes what the address came from.
    fn upset(&mut self) -> Result<String> {
        let (variable, address) = (self.variable()?, self.address(1)?);
        let first = match self.u.int_in_range(0..=3_u8)? {
            0 => "(call $sync)".into(),
            1 => format!("(i64.store8 (local.get {variable}) (local.get $v))"),
            _ => format!("(local.set {variable} {address})"),
        };
        let out = if self.u.arbitrary()? {
            format!("(drop (br_if 0 (local.get $v) {}))", self.condition()?)
        } else {
            String::new()
        };
        Ok(format!("(block (result i64) {first} {out} (local.set {variable} {address}) {})", self.load()?))
    }

    pub(super) fn bulk(&mut self) -> Result<String> {
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
