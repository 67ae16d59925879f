//! A program that dies in the middle of a transaction leaves a database that opens clean.
//!
//! `cargo xtask test --only real` runs these: they need a C compiler for WebAssembly, and memctl.

mod lmdb;
mod sqlite;

use memctl_real::{Copy, Database, Death, Memctl, Place, build, survive};

/// How many programs die in one mode.
struct Deaths {
    trapped: usize,
    killed: usize,
}

/// Lets programs die in every mode of the database.
fn survives(database: Database, place: Place, deaths: &Deaths) {
    let programs = build(database).unwrap();
    let memctl = Memctl::named().unwrap();
    for (number, mode) in database.crash_modes().iter().enumerate() {
        let place = match place {
            // Nothing is asked of the embedder where nothing is needed.
            Place::Copy(_) if !mode.read_only_windows => Place::Copy(Copy::Strict),
            other => other,
        };
        for (death, count) in [(Death::Trapped, deaths.trapped), (Death::Killed, deaths.killed)] {
            let seed = 1000 * (number as u64 + 1) + count as u64;
            let survival = survive(&programs, &memctl, (place, mode), death, count, seed)
                .unwrap_or_else(|error| panic!("{error:#}"));
            println!("{database} on {}, {}: {death:?}: {survival:?}", place.name(), mode.name);
            // Else no transaction was ever in the way of a death.
            assert!(survival.transactions > 0, "{survival:?}");
        }
    }
}

/// `copy`, where windows that can't be stored to are for the embedder to allow.
const COPY: Place = Place::Copy(Copy::Advisory);
