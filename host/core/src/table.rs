//! Tables whose entries name each other by index, never by pointer (rule 11 of the contract).

use alloc::vec::Vec;

use crate::sorted::make_room;

/// Where an entry sits and which of the slot's tenants it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// A [`Key`] that says what kind of entry it names.
pub(crate) trait Id: Copy {
    fn new(key: Key) -> Self;
    fn key(self) -> Key;
}

/// Declares the identifier type of one kind of entry.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(crate::table::Key);

        impl crate::table::Id for $name {
            fn new(key: crate::table::Key) -> Self {
                Self(key)
            }
            fn key(self) -> crate::table::Key {
                self.0
            }
        }

        impl $name {
            /// The identifier as one number, for tables of other crates.
            #[must_use]
            pub fn to_bits(self) -> u64 {
                self.0.to_bits()
            }

            /// The identifier that gave `bits`. Any number is safe: one that names nothing is found to be stale.
            #[must_use]
            pub fn from_bits(bits: u64) -> Self {
                Self(crate::table::Key::from_bits(bits))
            }
        }
    };
}
pub(crate) use id;

impl Key {
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// Entries by identifier. A removed entry's identifier is stale for as long as 2³² others have not had its slot.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Slot<T> {
    generation: u32,
    entry: Option<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    /// # Panics
    /// With 2³² live entries; quotas stop far below.
    pub(crate) fn insert<I: Id>(&mut self, entry: T) -> I {
        let index = self.free.pop().unwrap_or_else(|| {
            make_room(&mut self.slots);
            self.slots.push(Slot { generation: 0, entry: None });
            u32::try_from(self.slots.len() - 1).expect("quotas keep tables below 2^32 entries")
        });
        let slot = &mut self.slots[index as usize];
        slot.entry = Some(entry);
        I::new(Key { index, generation: slot.generation })
    }

    fn slot(&self, key: Key) -> Option<&Slot<T>> {
        self.slots.get(key.index as usize).filter(|slot| slot.generation == key.generation)
    }

    pub(crate) fn get<I: Id>(&self, id: I) -> Option<&T> {
        self.slot(id.key())?.entry.as_ref()
    }

    pub(crate) fn get_mut<I: Id>(&mut self, id: I) -> Option<&mut T> {
        let key = id.key();
        self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)?.entry.as_mut()
    }

    pub(crate) fn remove<I: Id>(&mut self, id: I) -> Option<T> {
        let key = id.key();
        let slot = self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)?;
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        make_room(&mut self.free);
        self.free.push(key.index);
        Some(entry)
    }

    pub(crate) fn iter<I: Id>(&self) -> impl Iterator<Item = (I, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let index = u32::try_from(index).ok()?;
            Some((I::new(Key { index, generation: slot.generation }), slot.entry.as_ref()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandleId as TestId;

    #[test]
    fn a_removed_entry_stays_stale_when_its_slot_is_let_again() {
        let mut table = Table::default();
        let first: TestId = table.insert("first");
        assert_eq!(table.remove(first), Some("first"));
        let second: TestId = table.insert("second");
        assert_ne!(first, second);
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&"second"));
        assert_eq!(TestId::from_bits(second.to_bits()), second);
        assert_eq!(table.get(TestId::from_bits(u64::MAX)), None);
    }
}
