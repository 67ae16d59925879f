//! The machines that QEMU plays.

use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::shell::Shell;

/// A machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Machine {
    /// Cortex-M33, PMSAv8.
    An505,
    /// Cortex-M4, PMSAv7 with 8 regions.
    An386,
    /// Cortex-M7, PMSAv7 too.
    An500,
    /// RV32, PMP.
    Rv32,
}

impl Machine {
    pub(super) const ALL: [Self; 4] = [Self::An505, Self::An386, Self::An500, Self::Rv32];

    /// What the user types.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::An505 => "an505",
            Self::An386 => "an386",
            Self::An500 => "an500",
            Self::Rv32 => "rv32",
        }
    }

    /// What `memctl compile --board` knows it as.
    pub(super) fn board(self) -> &'static str {
        match self {
            Self::An505 => "mps2-an505",
            Self::An386 => "mps2-an386",
            Self::An500 => "mps2-an500",
            Self::Rv32 => "rv32",
        }
    }

    /// The board whose firmware runs there, of the same list.
    pub(super) fn firmware(self) -> &'static str {
        match self {
            // The same memory, and as many regions for what is done there: what is linked for one is not linked again for the other.
            Self::An386 | Self::An500 => "an386",
            Self::An505 | Self::Rv32 => self.name(),
        }
    }

    /// What Rust compiles firmware for. Two machines have the same.
    pub(super) fn target(self) -> &'static str {
        match self {
            Self::An505 => "thumbv8m.main-none-eabi",
            Self::An386 | Self::An500 => "thumbv7em-none-eabihf",
            Self::Rv32 => "riscv32imac-unknown-none-elf",
        }
    }

    /// Whether its regions bind privileged code too.
    pub(super) fn regions_bind_the_host(self) -> bool {
        self != Self::Rv32
    }

    /// The program that plays it, and Debian's package of it.
    pub(super) fn emulator(self) -> (&'static str, &'static str) {
        match self {
            Self::An505 | Self::An386 | Self::An500 => ("qemu-system-arm", "qemu-system-arm"),
            Self::Rv32 => ("qemu-system-riscv32", "qemu-system-misc"),
        }
    }

    /// The command that starts `firmware` and is ended after `seconds`. An instruction takes a nanosecond there, so that what is counted in
    /// cycles is the same each time.
    pub(super) fn command(self, shell: &Shell, firmware: &Path, seconds: u32) -> Command {
        let mut command = shell.program("timeout", ["--kill-after=5", &seconds.to_string(), self.emulator().0]);
        match self {
            Self::An505 | Self::An386 | Self::An500 => {
                command.args(["-M", self.board(), "-serial", "none"]);
                command.args(["-semihosting-config", "enable=on,target=native"]);
            }
            Self::Rv32 => {
                command.args(["-M", "virt", "-bios", "none", "-serial", "stdio"]);
            }
        }
        command.args(["-display", "none", "-monitor", "none", "-icount", "shift=0", "-kernel"]).arg(firmware);
        command
    }
}
