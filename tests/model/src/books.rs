//! What is used of the quotas.

use memctl_core::Quotas;

use crate::GUESTS;
use crate::entries::Origin;
use crate::model::Model;

impl Model {
    /// What a guest should use of its quotas.
    #[must_use]
    pub fn usage(&self, guest: usize) -> Quotas {
        let mappings = self.mappings.iter().filter(|mapping| mapping.guest == guest);
        let made = self.objects.values().filter(|object| object.origin == Origin::Guest(guest));
        let count = |number: usize| u32::try_from(number).expect("programs stay small");
        Quotas {
            objects: count(self.guests[guest].handles.len()),
            object_bytes: made.map(|object| object.bytes.len() as u64).sum(),
            mappings: count(mappings.clone().count()),
            mapped_bytes: mappings.map(|mapping| mapping.ask.window.1).sum(),
            leases: count(self.leases.iter().filter(|lease| lease.guest == guest).count()),
            // Nobody waits after a step, and programs protect nothing.
            ..Quotas::NONE
        }
    }

    /// What all together should use.
    #[must_use]
    pub fn total_usage(&self) -> Quotas {
        let added = self.objects.values().map(|object| match object.origin {
            Origin::Published { free } => (object.bytes.len() as u64).saturating_sub(free),
            Origin::File | Origin::Guest(_) => 0,
        });
        let mut total = Quotas { object_bytes: added.sum(), ..Quotas::NONE };
        for guest in 0..GUESTS {
            let Quotas { objects, object_bytes, mappings, mapped_bytes, leases, .. } = self.usage(guest);
            total.objects += objects;
            total.object_bytes += object_bytes;
            total.mappings += mappings;
            total.mapped_bytes += mapped_bytes;
            total.leases += leases;
        }
        total
    }

    /// How many objects there are.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.objects.len()
    }
}
