//! WASI, as a run sees it: what it takes from this process, and what it keeps apart.

use std::fs::File;

use anyhow::{Context, Result};
use wasmtime_wasi::cli::OutputFile;
use wasmtime_wasi::{Deterministic, FsPerms, WasiCtx};

use crate::setup::Setup;
use crate::spec::Access;
use crate::stdin::Replay;

/// What a run takes from the process that runs it, and what it keeps apart.
pub struct Surroundings {
    /// What the programs read from stdin.
    pub stdin: Stdin,
    /// Where its output goes.
    pub output: Output,
    /// Where its random numbers come from.
    pub randomness: Randomness,
}

/// What the program reads from stdin.
pub enum Stdin {
    /// This process's own.
    Inherited,
    /// A stdin that other runs get too; the programs of a run share one position in it.
    Replayed(Replay),
}

/// Where the program's output goes.
pub enum Output {
    /// To this process's stdout and stderr.
    Inherited,
    /// Into two files.
    Captured {
        /// What goes to stdout.
        stdout: File,
        /// What goes to stderr.
        stderr: File,
    },
}

/// Where the program's random numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Randomness {
    /// From the operating system.
    System,
    /// From a fixed sequence, the same in every run.
    Fixed,
}

impl Surroundings {
    /// The WASI context of one program, with the variables and directories of `setup`.
    pub(crate) fn wasi(&self, setup: &Setup, argv: &[String]) -> Result<WasiCtx> {
        let mut wasi = WasiCtx::builder();
        // There is nothing else on this thread that a file's reads and writes could hold up.
        wasi.allow_blocking_current_thread(true);
        wasi.args(argv);
        for variable in &setup.env {
            wasi.env(&variable.name, &variable.value);
        }
        for dir in &setup.dirs {
            let perms = match dir.access {
                Access::Read => FsPerms::ReadOnly,
                Access::ReadWrite => FsPerms::ReadWrite,
            };
            wasi.preopened_dir(&dir.host, &dir.guest, perms)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("--dir {}", dir.host.display()))?;
        }
        match &self.stdin {
            Stdin::Inherited => wasi.inherit_stdin(),
            Stdin::Replayed(stdin) => wasi.stdin(stdin.clone()),
        };
        match &self.output {
            Output::Inherited => wasi.inherit_stdout().inherit_stderr(),
            Output::Captured { stdout, stderr } => {
                wasi.stdout(OutputFile::new(stdout.try_clone()?)).stderr(OutputFile::new(stderr.try_clone()?))
            }
        };
        match self.randomness {
            Randomness::System => {}
            Randomness::Fixed => {
                wasi.secure_random(fixed_sequence()).insecure_random(fixed_sequence()).insecure_random_seed(0);
            }
        }
        Ok(wasi.build())
    }
}

/// The same bytes every time, which look random and repeat only after 64 KiB.
fn fixed_sequence() -> Deterministic {
    // xorshift64 (Marsaglia, "Xorshift RNGs", 2003), with the shifts 13, 7, 17.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    Deterministic::new(words.take(8 << 10).flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime_wasi::Rng;

    #[test]
    fn the_fixed_sequence_is_the_same_for_every_run_and_not_the_same_all_along() {
        let draw = || {
            let mut sequence = fixed_sequence();
            [sequence.next_u64(), sequence.next_u64(), sequence.next_u64()]
        };
        let [one, two, three] = draw();
        assert_eq!(draw(), [one, two, three]);
        assert!(one != two && two != three);
    }
}
