//! Exposes frames: `frames-camera COUNT`.

use std::process::ExitCode;

use example_frames_stages::{picture, relay};

fn main() -> ExitCode {
    relay::finish("camera", relay::start(relay::EMPTY, relay::EXPOSED, picture::expose))
}
