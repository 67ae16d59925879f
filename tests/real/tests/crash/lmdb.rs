//! LMDB, with a map that it writes through and one that it doesn't.

use memctl_real::{Database, Place};

use crate::{COPY, Deaths, survives};

#[test]
fn on_alias_it_opens_clean_after_any_death() {
    survives(Database::Lmdb, Place::Alias, &Deaths { trapped: 20, killed: 8 });
}

#[test]
fn on_copy_it_opens_clean_after_any_death() {
    survives(Database::Lmdb, COPY, &Deaths { trapped: 20, killed: 8 });
}

#[test]
fn natively_it_opens_clean_after_any_death() {
    survives(Database::Lmdb, Place::Native, &Deaths { trapped: 20, killed: 8 });
}
