//! From a libc's file descriptor to an object: the handshake of `file-ticket`.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use memctl_core::{Error, Rights};

/// How many tickets may be outstanding.
const MOST: usize = 16;

/// A file that was advised with a ticket, and what its descriptor was opened for.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) file: Arc<File>,
    pub(crate) rights: Rights,
}

/// A guest's outstanding tickets.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    random: RandomState,
    issued: u64,
    /// With the file that each was advised with, or why that can't be mapped.
    outstanding: BTreeMap<u64, Option<Result<Shown, Error>>>,
}

impl Tickets {
    /// A new ticket. Components in one store share a context: nobody can guess another's.
    pub(crate) fn issue(&mut self) -> Result<u64, Error> {
        if self.outstanding.len() >= MOST {
            let used = self.outstanding.len() as u64;
            return Err(Error::Quota { what: "file tickets", scope: "guest", used, limit: MOST as u64, asked: 1 });
        }
        self.issued += 1;
        // An off_t that is not negative, and no offset that a program would advise about.
        let ticket = self.random.hash_one(self.issued) >> 2 | 1 << 61;
        self.outstanding.insert(ticket, None);
        Ok(ticket)
    }

    /// A descriptor was advised about `offset`: if that is a ticket, it is bound to what the descriptor is.
    pub(crate) fn bind(&mut self, offset: u64, shown: Result<Shown, Error>) -> bool {
        match self.outstanding.get_mut(&offset) {
            Some(ticket) => {
                *ticket = Some(shown);
                true
            }
            None => false,
        }
    }

    /// The file that was advised with the ticket, which is used up.
    pub(crate) fn redeem(&mut self, ticket: u64) -> Result<Shown, Error> {
        self.outstanding.remove(&ticket).flatten().unwrap_or(Err(Error::Stale { what: "file ticket" }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_and_only_when_bound() -> Result<(), Box<dyn std::error::Error>> {
        let mut tickets = Tickets::default();
        let (bound, unbound) = (tickets.issue()?, tickets.issue()?);
        let file = Arc::new(tempfile::tempfile()?);
        assert!(tickets.bind(bound, Ok(Shown { file, rights: Rights::READ })));
        assert!(!tickets.bind(bound ^ 1, Err(Error::Stale { what: "nothing" })), "not a ticket");
        assert!(tickets.redeem(bound).is_ok());
        assert!(matches!(tickets.redeem(bound), Err(Error::Stale { .. })));
        assert!(matches!(tickets.redeem(unbound), Err(Error::Stale { .. })));
        Ok(())
    }

    #[test]
    fn outstanding_tickets_are_few_and_positive() {
        let mut tickets = Tickets::default();
        for _ in 0..MOST {
            let ticket = tickets.issue().expect("not too many");
            assert!(i64::try_from(ticket).is_ok());
        }
        assert!(matches!(tickets.issue(), Err(Error::Quota { .. })));
    }
}
