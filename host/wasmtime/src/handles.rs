//! Handles of core modules, which bring no resource table.

use memctl_core::{HandleId, LeaseId, MappingId};

/// What a handle of a core module stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handle {
    Object(HandleId),
    Mapping(MappingId),
    Lease(LeaseId),
}

/// Handles by number. 0 is none, as in the canonical ABI; numbers of dropped handles are given again.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    slots: Vec<Option<Handle>>,
    free: Vec<u32>,
}

impl Handles {
    pub(crate) fn insert(&mut self, handle: Handle) -> u32 {
        if let Some(index) = self.free.pop() {
            self.slots[index as usize - 1] = Some(handle);
            return index;
        }
        self.slots.push(Some(handle));
        u32::try_from(self.slots.len()).expect("quotas keep handles below 2^32")
    }

    pub(crate) fn get(&self, index: u32) -> Option<Handle> {
        *self.slots.get((index as usize).checked_sub(1)?)?
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<Handle> {
        let handle = self.slots.get_mut((index as usize).checked_sub(1)?)?.take()?;
        self.free.push(index);
        Some(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_start_at_one_and_are_given_again() {
        let mut handles = Handles::default();
        let object = Handle::Object(HandleId::from_bits(7));
        assert_eq!(handles.insert(object), 1);
        assert_eq!(handles.get(1), Some(object));
        assert_eq!(handles.get(0), None);
        assert_eq!(handles.remove(1), Some(object));
        assert_eq!(handles.remove(1), None);
        assert_eq!(handles.insert(object), 1);
    }
}
