//! What functions of windows do, on vectors.

use crate::functions::{Function, value};

/// Why a call traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Outside,
    Misaligned,
    NoWindow,
}

/// Memory 0 and the windows.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) memories: Vec<Vec<u8>>,
}

impl Model {
    /// What the function gives back, and what it leaves.
    pub(crate) fn call(&mut self, function: &Function, args: &[u128], windows: &[i32]) -> Result<Option<u128>, Stop> {
        let count = self.memories.len() - 1;
        let named = |k: &i32| usize::try_from(*k).ok().filter(|k| (1..=count).contains(k)).ok_or(Stop::NoWindow);
        let windows = windows.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        let arg = |at: usize| {
            if function.params[at] == "i32" { args[at] & 0xffff_ffff } else { args[at] }
        };
        Ok(match function.name.as_str() {
            "count" => Some(count as u128),
            "size" => Some(self.memories[windows[0]].len() as u128),
            "settle" => None,
            "fill" => {
                let range = self.range(windows[0], arg(0), arg(2))?;
                self.memories[windows[0]][range].fill((arg(1) & 0xff) as u8);
                None
            }
            "compare" => {
                let (a, b) = (self.range(windows[0], arg(0), arg(2))?, self.range(0, arg(1), arg(2))?);
                let (a, b) = (&self.memories[windows[0]][a], &self.memories[0][b]);
                let differs = a.iter().zip(b).find(|(a, b)| a != b);
                Some(differs.map_or(0, |(a, b)| u128::from((i32::from(*a) - i32::from(*b)).cast_unsigned())))
            }
            "copy_in" => self.copy(windows[0], arg(0), 0, arg(1), arg(2))?,
            "copy_out" => self.copy(0, arg(0), windows[0], arg(1), arg(2))?,
            "copy_between" => self.copy(windows[0], arg(0), windows[1], arg(1), arg(2))?,
            name => self.access(name, windows[0], &(0..function.params.len()).map(arg).collect::<Vec<_>>())?,
        })
    }

    fn range(&self, memory: usize, start: u128, len: u128) -> Result<std::ops::Range<usize>, Stop> {
        let end = start + len;
        if end > self.memories[memory].len() as u128 {
            return Err(Stop::Outside);
        }
        Ok(usize::try_from(start).unwrap()..usize::try_from(end).unwrap())
    }

    fn copy(&mut self, to: usize, at: u128, from: usize, start: u128, len: u128) -> Result<Option<u128>, Stop> {
        let (target, source) = (self.range(to, at, len)?, self.range(from, start, len)?);
        let bytes = self.memories[from][source].to_vec();
        self.memories[to][target].copy_from_slice(&bytes);
        Ok(None)
    }

    fn access(&mut self, name: &str, window: usize, args: &[u128]) -> Result<Option<u128>, Stop> {
        let whole = match value(name) {
            "v128" => 16,
            "i64" | "f64" => 8,
            _ => 4,
        };
        let (_, instruction) = name.split_once('.').unwrap();
        let digits: String = instruction.chars().filter(char::is_ascii_digit).collect();
        let width = digits.parse().map_or(whole, |bits: usize| bits / 8);
        if name.contains("atomic") && !args[0].is_multiple_of(width as u128) {
            return Err(Stop::Misaligned);
        }
        let range = self.range(window, args[0], width as u128)?;
        let place = &mut self.memories[window][range];
        let mut bytes = [0; 16];
        bytes[..width].copy_from_slice(place);
        let old = u128::from_le_bytes(bytes);
        let mask = u128::MAX >> (128 - 8 * width);
        let new = |operand: u128| match instruction.trim_end_matches("_u").rsplit('.').next().unwrap() {
            "add" => old.wrapping_add(operand),
            "sub" => old.wrapping_sub(operand),
            "and" => old & operand,
            "or" => old | operand,
            "xor" => old ^ operand,
            _ => operand,
        };
        let stored = if name.contains("cmpxchg") {
            (old == args[1] & mask).then(|| args[2])
        } else {
            args.get(1).map(|operand| new(*operand))
        };
        if let Some(stored) = stored {
            place.copy_from_slice(&(stored & mask).to_le_bytes()[..width]);
        }
        if instruction.contains("store") {
            return Ok(None);
        }
        let signed = name.ends_with("_s") && old >> (8 * width - 1) == 1;
        let extended = if signed { old | !mask } else { old };
        Ok(Some(extended & (u128::MAX >> (128 - 8 * whole))))
    }
}
