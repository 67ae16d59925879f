//! What the system's own `wc` counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{self, Shell};

/// Lines, words and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts([u64; 3]);

/// The counts of every file by its name, and of all together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    files: BTreeMap<String, Counts>,
    total: Counts,
}

/// How many files one wc is given, so that its command line stays short enough.
const AT_ONCE: usize = 500;

impl Census {
    /// Runs wc on `files`, which are named relative to `place`.
    pub(crate) fn by_wc(shell: &Shell, place: &Path, files: &[PathBuf]) -> Result<Self> {
        let mut census = Self::default();
        for files in files.chunks(AT_ONCE) {
            let mut command = shell.program("wc", ["--"]);
            let output = shell::read(command.args(files).current_dir(place).env("LC_ALL", "C"))?;
            // With one file, wc prints no total.
            let part = Self::parse(&output, if files.len() > 1 { Total::Last } else { Total::Missing })?;
            census.files.extend(part.files);
            for (sum, more) in census.total.0.iter_mut().zip(part.total.0) {
                *sum += more;
            }
        }
        Ok(census)
    }

    /// Reads what wc, or a program like it, printed.
    pub(crate) fn parse(output: &[u8], total: Total) -> Result<Self> {
        let output = std::str::from_utf8(output).context("file names here are ASCII")?;
        let mut lines: Vec<_> = output.lines().map(parse_line).collect::<Result<_>>()?;
        let mut sum = Counts::default();
        if total == Total::Last {
            let (name, counts) = lines.pop().context("nothing was printed")?;
            if name != "total" {
                bail!("the last line is about {name}, not the total");
            }
            sum = counts;
        } else {
            for (_, counts) in &lines {
                for (sum, more) in sum.0.iter_mut().zip(counts.0) {
                    *sum += more;
                }
            }
        }
        Ok(Self { files: lines.into_iter().map(|(name, counts)| (name.to_owned(), counts)).collect(), total: sum })
    }

    /// The same with `prefix` taken off every name.
    pub(crate) fn without_prefix(self, prefix: &str) -> Self {
        let strip = |name: String| name.strip_prefix(prefix).map(str::to_owned).unwrap_or(name);
        Self { files: self.files.into_iter().map(|(name, counts)| (strip(name), counts)).collect(), ..self }
    }

    /// Says how many files agree.
    ///
    /// # Errors
    /// The first file, or the total, that differs.
    pub(crate) fn check_equal(&self, wc: &Self) -> Result<usize> {
        for (name, expected) in &wc.files {
            match self.files.get(name) {
                Some(counts) if counts == expected => {}
                Some(counts) => {
                    bail!("{name}: wc counts {:?} lines, words and bytes; here they are {:?}", expected.0, counts.0)
                }
                None => bail!("{name} is missing; wc counts {:?} lines, words and bytes", expected.0),
            }
        }
        if let Some(name) = self.files.keys().find(|name| !wc.files.contains_key(*name)) {
            bail!("{name} is there, but wc wasn't told of it");
        }
        if self.total != wc.total {
            bail!("total: wc counts {:?} lines, words and bytes; here they are {:?}", wc.total.0, self.total.0);
        }
        Ok(wc.files.len())
    }
}

/// Whether the last line is the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    Last,
    Missing,
}

/// `  12   34  567 name`: the name may have spaces.
fn parse_line(line: &str) -> Result<(&str, Counts)> {
    let mut counts = Counts::default();
    let mut rest = line;
    for count in &mut counts.0 {
        let (number, after) = rest.trim_start().split_once(' ').with_context(|| format!("not a line of wc: {line}"))?;
        *count = number.parse().with_context(|| format!("not a line of wc: {line}"))?;
        rest = after;
    }
    Ok((rest, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_wc_prints_them() {
        let census = Census::parse(b"  1   2  30 a b\n 10  20   3 c\n 11  22  33 total\n", Total::Last).unwrap();
        assert_eq!(census.files["a b"], Counts([1, 2, 30]));
        assert_eq!(census.total, Counts([11, 22, 33]));
        assert_eq!(Census::parse(b"1 2 3 a\n", Total::Missing).unwrap().total, Counts([1, 2, 3]));
        assert!(Census::parse(b"1 2 3 a\n", Total::Last).is_err());
        assert!(Census::parse(b"1 x 3 a\n", Total::Missing).is_err());
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let wc = Census::parse(b"1 2 3 a\n4 5 6 b\n5 7 9 total\n", Total::Last).unwrap();
        assert_eq!(wc.check_equal(&wc).unwrap(), 2);
        for (output, wanted) in [
            (&b"1 2 3 a\n5 7 9 total\n"[..], "b is missing"),
            (b"1 2 3 a\n4 5 7 b\n5 7 9 total\n", "b: wc counts [4, 5, 6]"),
            (b"1 2 3 a\n4 5 6 b\n0 0 0 c\n5 7 9 total\n", "c is there"),
            (b"1 2 3 a\n4 5 6 b\n5 7 8 total\n", "total: wc counts [5, 7, 9]"),
        ] {
            let error = Census::parse(output, Total::Last).unwrap().check_equal(&wc).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn prefixes_come_off() {
        let census = Census::parse(b"1 2 3 /text/a\n", Total::Missing).unwrap().without_prefix("/text/");
        assert!(census.files.contains_key("a"));
    }

    #[test]
    fn the_systems_wc_is_understood() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "one two\nthree\n").unwrap();
        std::fs::write(dir.path().join("b"), "x").unwrap();
        let shell = Shell::new().unwrap();
        let census = Census::by_wc(&shell, dir.path(), &["a".into(), "b".into()]).unwrap();
        assert_eq!(census.files["a"], Counts([2, 3, 14]));
        assert_eq!(census.total, Counts([2, 4, 15]));
    }
}
