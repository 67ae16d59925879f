//! SQLite, with each way of ending a rollback journal.

use memctl_real::{Database, Death, Memctl, Mode, Place, build, survive};

use crate::{COPY, Deaths, survives};

/// What all the others rest on: a database that is not sound doesn't pass.
#[test]
fn without_a_journal_a_death_is_found_out() {
    let programs = build(Database::Sqlite).unwrap();
    let memctl = Memctl::named().unwrap();
    let mode = Mode { name: "journal_mode=off", options: &["--journal=off"], read_only_windows: false };
    let error = survive(&programs, &memctl, (Place::Native, &mode), Death::Trapped, 20, 1).unwrap_err();
    println!("{error:#}");
}

#[test]
fn on_alias_it_opens_clean_after_any_death() {
    survives(Database::Sqlite, Place::Alias, &Deaths { trapped: 12, killed: 6 });
}

#[test]
fn on_copy_it_opens_clean_after_any_death() {
    survives(Database::Sqlite, COPY, &Deaths { trapped: 12, killed: 6 });
}

#[test]
fn natively_it_opens_clean_after_any_death() {
    survives(Database::Sqlite, Place::Native, &Deaths { trapped: 12, killed: 6 });
}
