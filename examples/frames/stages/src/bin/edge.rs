//! Finds edges in frames: `frames-edge COUNT`.

use std::process::ExitCode;

use example_frames_stages::{picture, relay};

fn main() -> ExitCode {
    relay::finish("edge", relay::relay(relay::BLURRED, relay::FILTERED, |frame, _| picture::edge(frame)))
}
