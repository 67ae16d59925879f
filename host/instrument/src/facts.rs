//! What is known, at a place in a function, about the values that addresses are computed from.
//!
//! Values have numbers, so that copies of one share what is known. A value that is another one plus a constant says so. What is known holds on every way to the
//! place: it is the meet over those ways. Nothing is known at a loop's head about locals that the loop writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::touch::Kind;

/// Ranges that are remembered beside one value.
const MOST_ALLOWED: usize = 16;

/// A value in a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Value(u32);

#[derive(Clone, Copy, Debug)]
enum Origin {
    Unknown,
    Constant(u64),
    /// Another one less a constant, if that doesn't wrap.
    Less(Value, u64),
    /// Another one and a constant more, modulo 2^32 or 2^64.
    More(Value, u64),
}

/// All values of a function.
#[derive(Debug, Default)]
pub(crate) struct Values {
    origins: Vec<Origin>,
}

impl Values {
    fn push(&mut self, origin: Origin) -> Value {
        self.origins.push(origin);
        Value(crate::added::number(self.origins.len() - 1))
    }

    pub(crate) fn unknown(&mut self) -> Value {
        self.push(Origin::Unknown)
    }

    pub(crate) fn constant(&mut self, value: u64) -> Value {
        self.push(Origin::Constant(value))
    }

    /// `base` and a constant more, which as a signed number may be negative.
    pub(crate) fn plus(&mut self, base: Value, more: i64) -> Value {
        if more < 0 {
            self.push(Origin::Less(base, more.unsigned_abs()))
        } else {
            self.push(Origin::More(base, more.unsigned_abs()))
        }
    }

    pub(crate) fn as_constant(&self, value: Value) -> Option<u64> {
        match self.origins[value.0 as usize] {
            Origin::Constant(constant) => Some(constant),
            _ => None,
        }
    }
}

/// Bytes beside a value that were found not to be in the way of an access: the table allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Allowed {
    guard: u32,
    kind: Kind,
    from: u64,
    to: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    /// The value is at least this, as an unsigned number.
    least: u64,
    allowed: Vec<Allowed>,
}

/// What is known at a place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    locals: BTreeMap<u32, Value>,
    known: BTreeMap<Value, Known>,
}

impl Facts {
    /// The value that a local has.
    pub(crate) fn local(&mut self, local: u32, values: &mut Values) -> Value {
        *self.locals.entry(local).or_insert_with(|| values.unknown())
    }

    /// Whether a local has that value.
    pub(crate) fn holds(&self, local: u32, value: Value) -> bool {
        self.locals.get(&local) == Some(&value)
    }

    pub(crate) fn set_local(&mut self, local: u32, value: Value) {
        self.locals.insert(local, value);
    }

    /// The least that a value can be.
    pub(crate) fn least(&self, value: Value, values: &Values) -> u64 {
        let known = self.known.get(&value).map_or(0, |known| known.least);
        let derived = match values.origins[value.0 as usize] {
            Origin::Constant(constant) => constant,
            // Chains are short: each link stands for an instruction that was looked at.
            Origin::Less(base, less) => self.known.get(&base).map_or(0, |known| known.least).saturating_sub(less),
            Origin::Unknown | Origin::More(..) => 0,
        };
        known.max(derived)
    }

    /// From here on a value is at least `least`.
    pub(crate) fn learn_least(&mut self, value: Value, least: u64, values: &Values) {
        let known = self.known.entry(value).or_default();
        known.least = known.least.max(least);
        // `value = base + more` and `value >= more` means that the sum didn't wrap.
        if let Origin::More(base, more) = values.origins[value.0 as usize]
            && least > more
        {
            let known = self.known.entry(base).or_default();
            known.least = known.least.max(least - more);
        }
    }

    /// Whether the table is known to allow an access to `size` bytes at `value + offset`.
    pub(crate) fn is_allowed(&self, value: Value, guard: u32, kind: Kind, offset: u64, size: u64) -> bool {
        self.known.get(&value).is_some_and(|known| {
            known.allowed.iter().any(|allowed| {
                allowed.guard == guard
                    && allowed.kind >= kind
                    && allowed.from <= offset
                    && offset.checked_add(size).is_some_and(|end| end <= allowed.to)
            })
        })
    }

    /// From here on, until [`Facts::forget_allowed`], the table allows it.
    pub(crate) fn learn_allowed(&mut self, value: Value, guard: u32, kind: Kind, offset: u64, size: u64) {
        if let Some(to) = offset.checked_add(size) {
            self.known.entry(value).or_default().allow(Allowed { guard, kind, from: offset, to });
        }
    }

    /// The table may be another one from here on.
    pub(crate) fn forget_allowed(&mut self) {
        for known in self.known.values_mut() {
            known.allowed.clear();
        }
    }

    /// Nothing is known about these locals any more.
    pub(crate) fn forget_locals(&mut self, locals: &BTreeSet<u32>) {
        self.locals.retain(|local, _| !locals.contains(local));
    }

    /// What is known where two ways join.
    pub(crate) fn meet(&self, other: &Self, values: &mut Values) -> Self {
        let mut met = Self::default();
        for (value, known) in &self.known {
            if let Some(others) = other.known.get(value) {
                met.insert(*value, known.meet(others));
            }
        }
        for (local, here) in &self.locals {
            let Some(there) = other.locals.get(local) else { continue };
            if here == there {
                met.locals.insert(*local, *here);
                continue;
            }
            let least = self.least(*here, values).min(other.least(*there, values));
            let allowed = match (self.known.get(here), other.known.get(there)) {
                (Some(here), Some(there)) => here.meet(there).allowed,
                _ => Vec::new(),
            };
            if least != 0 || !allowed.is_empty() {
                let value = values.unknown();
                met.insert(value, Known { least, allowed });
                met.locals.insert(*local, value);
            }
        }
        met
    }

    fn insert(&mut self, value: Value, known: Known) {
        if known != Known::default() {
            self.known.insert(value, known);
        }
    }
}

impl Known {
    fn meet(&self, other: &Self) -> Self {
        let mut met = Self { least: self.least.min(other.least), allowed: Vec::new() };
        for a in &self.allowed {
            for b in &other.allowed {
                let (from, to) = (a.from.max(b.from), a.to.min(b.to));
                if a.guard == b.guard && from < to {
                    met.allow(Allowed { guard: a.guard, kind: a.kind.min(b.kind), from, to });
                }
            }
        }
        met
    }

    /// Adds a range, which becomes one with those that it touches. The oldest goes if there are too many.
    fn allow(&mut self, mut new: Allowed) {
        self.allowed.retain(|old| {
            let touches = old.guard == new.guard && old.kind == new.kind && old.from <= new.to && new.from <= old.to;
            if touches {
                new = Allowed { from: old.from.min(new.from), to: old.to.max(new.to), ..new };
            }
            !touches
        });
        if self.allowed.len() == MOST_ALLOWED {
            self.allowed.remove(0);
        }
        self.allowed.push(new);
    }
}
