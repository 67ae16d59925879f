//! Takes the noise out of frames: `frames-blur COUNT`.

use std::process::ExitCode;

use example_frames_stages::{picture, relay};

fn main() -> ExitCode {
    relay::finish("blur", relay::relay(relay::EXPOSED, relay::BLURRED, |frame, _| picture::blur(frame)))
}
