//! Looks at frames, and prints what they had: `frames-sink COUNT`.

use std::process::ExitCode;

use example_frames_stages::{Statistics, relay};

fn main() -> ExitCode {
    let mut statistics = Statistics::default();
    let seen = relay::relay(relay::FILTERED, relay::EMPTY, |frame, _| statistics.see(frame));
    print!("{statistics}");
    relay::finish("sink", seen)
}
