//! What the host says about itself, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How much of the log is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only what explains a refusal: why a file can't be mapped, or what the embedder would have to configure.
    Reasons,
    /// Every decision.
    Decisions,
}

/// Starts the log. The variable `MEMCTL_LOG` overrides `detail` with filters as tracing-subscriber reads them.
///
/// Called twice, the first call counts.
pub fn start(detail: Detail) {
    let default = match detail {
        Detail::Reasons => "warn",
        // Targets are matched by their beginning: this is memctl_wasmtime, memctl_alias and so on.
        Detail::Decisions => "warn,memctl=debug",
    };
    let filter = EnvFilter::try_from_env("MEMCTL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time();
    // Fails if a log was started before, which then stays.
    drop(log.with_ansi(std::io::stderr().is_terminal()).try_init());
}
