//! Index spaces of a component that is written anew.

use std::collections::BTreeMap;

use super::guards::Key;
use super::tree::Scope;

/// Where the new component is, for each component that is open.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) scope: usize,
    sections: usize,
    pub(super) canons: usize,
    // From old indices to new ones.
    pub(super) modules: Vec<u32>,
    pub(super) instances: Vec<u32>,
    pub(super) functions: Vec<u32>,
    /// Like `functions`, but with what guards wrap in place of guards.
    pub(super) unguarded: Vec<u32>,
    /// How many core modules, core instances and core functions the new component has.
    pub(super) made: [u32; 3],
    /// Lowered functions whose guard is still to be made, with their old indices.
    pub(super) pending: Vec<(Key, u32)>,
    pub(super) guards: BTreeMap<Key, u32>,
}

impl Level {
    pub(super) fn of(scope: usize) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Follows the index spaces to where they are after the section.
    pub(super) fn grow(&mut self, scope: &Scope<'_>) {
        let counts = scope.counts[self.sections];
        self.sections += 1;
        let Self { modules, instances, unguarded, functions, made, .. } = self;
        for ((map, next), count) in [modules, instances, unguarded].into_iter().zip(made.iter_mut()).zip(counts) {
            while map.len() < count {
                map.push(*next);
                *next += 1;
            }
        }
        functions.extend(unguarded.iter().skip(functions.len()));
    }

    /// One more core function in both components.
    pub(super) fn define(&mut self) {
        self.functions.push(self.made[2]);
        self.unguarded.push(self.made[2]);
        self.made[2] += 1;
    }

    /// Whether core functions have other indices than before.
    pub(super) fn shifts_functions(&self) -> bool {
        !self.pending.is_empty() || (0..).zip(&self.functions).any(|(old, new)| old != *new)
    }
}
