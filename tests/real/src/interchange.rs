//! Databases that are written in one place and read in another.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::check::same;
use crate::report::{Check, Report};
use crate::run::{Copy, Memctl, Place, native, said};
use crate::{Database, Programs};

/// Something that runs a driver.
struct Runner<'a> {
    name: &'a str,
    command: &'a dyn Fn(&Path) -> Command,
    options: &'a [&'a str],
}

/// Adds what is to hold between places.
pub(crate) fn add(report: &mut Report, programs: &Programs, memctl: &Memctl, scratch: &Path) -> Result<()> {
    let guests = [Place::Alias, Place::Copy(Copy::Advisory)];
    for (number, place) in guests.into_iter().enumerate() {
        let folder = scratch.join(format!("interchange {number}"));
        fs::create_dir(&folder)?;
        let guest = |folder: &Path| place.command(programs, memctl, folder);
        match programs.database {
            Database::Lmdb => {
                let narrow = |folder: &Path| native(programs.native32.as_deref().unwrap_or(&programs.native), folder);
                if programs.native32.is_some() {
                    for options in [&[][..], &["--writemap"]] {
                        let one = Runner { name: place.name(), command: &guest, options };
                        let other = Runner { name: "native with 32 bits", command: &narrow, options };
                        report.check(handed_over(programs.database, &folder, &one, &other));
                        report.check(handed_over(programs.database, &folder, &other, &one));
                    }
                }
                let wide_guest = programs.wide.clone().context("LMDB is built with MDB_VL32 too")?;
                let wide = |folder: &Path| place.guest(&wide_guest, memctl, folder);
                let wider = |folder: &Path| native(&programs.native, folder);
                let name = format!("{} with MDB_VL32", place.name());
                let one = Runner { name: &name, command: &wide, options: &[] };
                let other = Runner { name: "native with 64 bits", command: &wider, options: &[] };
                report.check(handed_over(programs.database, &folder, &one, &other));
                report.check(handed_over(programs.database, &folder, &other, &one));
                report.check(beside(place, &folder, &guest));
            }
            Database::Sqlite => {
                let here = |folder: &Path| native(&programs.native, folder);
                let options = &["--mmap=268435456"];
                let one = Runner { name: place.name(), command: &guest, options };
                let other = Runner { name: "native", command: &here, options };
                report.check(handed_over(programs.database, &folder, &one, &other));
                report.check(handed_over(programs.database, &folder, &other, &one));
            }
        }
    }
    Ok(())
}

/// What `one` has written, `other` reads and changes, and `one` reads again.
fn handed_over(database: Database, folder: &Path, one: &Runner<'_>, other: &Runner<'_>) -> Check {
    let options = one.options.join(" ");
    let claim = format!("written by {}, read and changed by {}, read again: the same {options}", one.name, other.name);
    Check::of(claim.trim_end().to_owned(), || {
        let file = folder.join("handed.db");
        if file.exists() {
            fs::remove_file(&file)?;
        }
        let run = |runner: &Runner<'_>, words: &str| {
            let mut command = (runner.command)(folder);
            said(command.arg(words).arg("handed.db").args(runner.options))
        };
        let load = |runner: &Runner<'_>| {
            let mut command = (runner.command)(folder);
            said(command.args(["load", "handed.db", "--records=30000"]).args(runner.options))
        };
        load(one)?;
        for what in ["as written", "as changed"] {
            for words in database.looks() {
                same(&format!("{words} {what}"), &run(other, words)?, &run(one, words)?)?;
            }
            if what == "as written" {
                run(other, "delete")?;
            }
        }
        Ok(Vec::new())
    })
}

/// With its lock file LMDB keeps the pages that a reader of the same program sees.
fn beside(place: Place, folder: &Path, guest: &dyn Fn(&Path) -> Command) -> Check {
    let claim = format!("LMDB on {}, with its lock file: a reader beside a writer sees what it saw", place.name());
    Check::of(claim, || {
        let lines = said(guest(folder).args(["beside", "beside.db", "--lock"]))?.same;
        if lines != ["a reader beside 19 transactions: 1000 of 1000 records as they were"] {
            bail!("{lines:?}");
        }
        Ok(lines)
    })
}
