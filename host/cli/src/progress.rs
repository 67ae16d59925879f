//! Progress on stderr, for what takes more than a second.

use std::borrow::Cow;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long a task may take before it is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// One task. It is shown from a second after its start until it is dropped, and only if stderr is a terminal.
pub struct Progress {
    bar: ProgressBar,
    // Dropping the sender wakes the thread, which otherwise shows the bar when it has waited long enough.
    finished: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// A task that doesn't know how long it will take.
    pub fn spinner(message: impl Into<Cow<'static, str>>) -> Self {
        Self::start(ProgressBar::hidden(), "{spinner} {msg} ({elapsed})", message.into())
    }

    /// A task that goes through `total` bytes.
    pub fn bytes(message: impl Into<Cow<'static, str>>, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        Self::start(bar, "{spinner} {msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} ({eta} left)", message.into())
    }

    fn start(bar: ProgressBar, template: &str, message: Cow<'static, str>) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(message);
        let (finished, waiting) = channel();
        let shown = bar.clone();
        let thread = std::thread::spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // indicatif draws nothing there unless it is a terminal.
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Self { bar, finished: Some(finished), thread: Some(thread) }
    }

    /// Says what the task is at.
    pub fn say(&self, message: impl Into<Cow<'static, str>>) {
        self.bar.set_message(message);
    }

    /// Says that `bytes` more are done.
    pub fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.finished.take());
        // The thread must not show the bar after it was cleared. It doesn't panic; if it did, nothing is lost.
        drop(self.thread.take().map(JoinHandle::join));
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_short_task_ends_without_waiting() {
        let start = Instant::now();
        let progress = Progress::bytes("copying", 10);
        progress.advance(10);
        drop(progress);
        drop(Progress::spinner("compiling"));
        assert!(start.elapsed() < PATIENCE);
    }
}
