//! Programs that die in the middle of transactions, and what their databases hold then.

use std::fs;
use std::io::{BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::Programs;
use crate::database::Mode;
use crate::run::{Memctl, Place, output, said};

/// How a program ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// At a step of its own, between or in the middle of its writes: a guest traps, a native program gets a signal.
    Trapped,
    /// Its process, and with it the host, is killed by SIGKILL.
    Killed,
}

/// What a database went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survival {
    /// How many programs died.
    pub deaths: usize,
    /// Of them, how many had committed a transaction without having said so.
    pub unreported: usize,
    /// How many transactions it holds in the end.
    pub transactions: u64,
}

/// What a program that dies was to do.
const TRANSACTIONS: u64 = 6;

const FILE: &str = "a.db";

/// Lets `deaths` programs die one after the other, all at work on one database, each going on from what the last one left.
///
/// After each death the database is opened on copies of its files: natively at once, and in a guest at the end. Both must find it sound, and
/// exactly the transactions that were reported as committed, or one more.
///
/// # Errors
/// They don't.
pub fn survive(
    programs: &Programs,
    memctl: &Memctl,
    (place, mode): (Place, &Mode),
    death: Death,
    deaths: usize,
    seed: u64,
) -> Result<Survival> {
    let scratch = tempfile::tempdir()?;
    let chain = Chain { programs, memctl, place, mode, seed, live: scratch.path().join("live") };
    fs::create_dir(&chain.live)?;
    let steps = chain.steps(scratch.path())?;
    let mut survival = Survival::default();
    let mut held = Vec::new();
    for number in 0..deaths {
        let at = 1 + mix(seed ^ (number as u64)) % steps;
        let told = format!("death {number} of {}, {}, at step {at}", place.name(), mode.name);
        let reported = match death {
            Death::Trapped => chain.trapped(at),
            Death::Killed => chain.killed(at),
        };
        let reported = reported.with_context(|| told.clone())?.unwrap_or(survival.transactions);
        let natively = copied(&chain.live, &scratch.path().join("natively"))?;
        let found = chain.verify(Place::Native, &natively, &[FILE.to_owned()]).with_context(|| told.clone())?[0];
        fs::remove_dir_all(natively)?;
        ensure!(
            found == reported || found == reported + 1,
            "{told}: {reported} transactions were reported as committed, and {found} are there"
        );
        copied(&chain.live, &scratch.path().join(number.to_string()))?;
        held.push(found);
        survival.deaths += 1;
        survival.unreported += usize::from(found > reported);
        survival.transactions = found;
    }
    // One process for all: a guest takes time to start.
    let files: Vec<_> = (0..deaths).map(|number| format!("{number}/{FILE}")).collect();
    let found = chain.verify(place, scratch.path(), &files)?;
    ensure!(found == held, "{} finds {found:?} transactions after the deaths, and native {held:?}", place.name());
    Ok(survival)
}

/// Programs at work on one database.
struct Chain<'a> {
    programs: &'a Programs,
    memctl: &'a Memctl,
    place: Place,
    mode: &'a Mode,
    seed: u64,
    live: PathBuf,
}

impl Chain<'_> {
    fn work(&self, folder: &Path, transactions: u64) -> std::process::Command {
        let mut command = self.place.command(self.programs, self.memctl, folder);
        command.args(["work", FILE, &format!("--transactions={transactions}"), &format!("--seed={}", self.seed)]);
        command.args(self.mode.options);
        command
    }

    /// How many steps a program takes at least that does all its transactions, nearly.
    fn steps(&self, scratch: &Path) -> Result<u64> {
        let folder = scratch.join("whole");
        fs::create_dir(&folder)?;
        let lines = said(&mut self.work(&folder, TRANSACTIONS))?.same;
        let steps = lines.iter().find_map(|line| line.strip_prefix("steps ")?.parse::<u64>().ok());
        Ok(steps.context("a driver counts its steps")? * (TRANSACTIONS - 1) / TRANSACTIONS)
    }

    /// Gives back the last transaction that was reported as committed.
    fn trapped(&self, at: u64) -> Result<Option<u64>> {
        let output = output(self.work(&self.live, TRANSACTIONS).arg(format!("--last-step={at}")))?;
        if !self.is_trap(output.status) {
            bail!("a trap was due: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(last_committed(&output.stdout))
    }

    fn is_trap(&self, status: ExitStatus) -> bool {
        match self.place {
            Place::Native => status.signal().is_some(),
            Place::Alias | Place::Copy(_) => status.code() == Some(134),
        }
    }

    /// Kills the host when the guest shows that it is at a step: it may be a few further when the signal arrives.
    fn killed(&self, at: u64) -> Result<Option<u64>> {
        const MORE_THAN_ENOUGH: u64 = 1_000_000;
        let mut command = self.work(&self.live, MORE_THAN_ENOUGH);
        let mut child = command.arg("--dots").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut shown = Vec::new();
        let mut steps = 0;
        let mut byte = [0];
        while steps < at && stdout.read(&mut byte)? == 1 {
            steps += u64::from(byte[0] == b'.');
            shown.push(byte[0]);
        }
        child.kill()?;
        stdout.read_to_end(&mut shown)?;
        let output = child.wait_with_output()?;
        if output.status.signal() != Some(9) {
            bail!("ended before it was killed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(last_committed(&shown))
    }

    /// How many transactions each database holds, all of them sound.
    fn verify(&self, place: Place, folder: &Path, files: &[String]) -> Result<Vec<u64>> {
        let mut command = match (place, &self.programs.native32) {
            // Numbers as wide as the guest's.
            (Place::Native, Some(native)) if self.place != Place::Native => crate::run::native(native, folder),
            _ => place.command(self.programs, self.memctl, folder),
        };
        let seed = format!("--seed={}", self.seed);
        let lines = said(command.arg("verify").args(files).arg(seed).args(self.mode.options))?.same;
        let number = |line: &String| line.strip_prefix("holds ")?.split(' ').next()?.parse().ok();
        let found: Vec<u64> = lines.iter().filter_map(number).collect();
        ensure!(found.len() == files.len(), "{} of {} databases were looked at: {lines:?}", found.len(), files.len());
        Ok(found)
    }
}

/// The last whole line that says so.
fn last_committed(shown: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(shown);
    let whole = &text[..text.rfind('\n')?];
    whole.lines().filter_map(|line| line.strip_prefix("committed ")?.parse().ok()).next_back()
}

fn copied(from: &Path, to: &Path) -> Result<PathBuf> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(to.to_owned())
}

/// A number for a number: splitmix64, as the drivers do.
fn mix(number: u64) -> u64 {
    let x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_report() {
        assert_eq!(last_committed(b"..\ncommitted 3\n...\ncommitted 14"), Some(3));
        assert_eq!(last_committed(b"....\ncommitted"), None);
        assert_eq!(last_committed(b""), None);
    }
}
