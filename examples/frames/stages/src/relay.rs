//! Handing frames on: from one queue of the heap to the next, without touching what is not a stage's own.

use std::process::ExitCode;

use memctl_guest::heap::{Block, Heap};
use memctl_guest::{Error, Result};

use crate::picture;

/// The name under which the embedder publishes the heap.
pub const HEAP: &str = "frames";

/// How many frames there are, on their way round: each is in one stage, or waits in front of one.
pub const SLOTS: u32 = 4;

/// Frames that the camera may expose.
pub const EMPTY: u32 = 0;
/// Frames for the blur.
pub const EXPOSED: u32 = 1;
/// Frames for the edge filter.
pub const BLURRED: u32 = 2;
/// Frames for the sink.
pub const FILTERED: u32 = 3;

/// A program's second argument that says: hand frames on as they are. So it is known what that takes.
pub const IDLE: &str = "idle";

/// Takes the frames that come by one queue, as many as the program's first argument says, lets `work` at each, and sends them on by another queue.
///
/// # Errors
/// The heap's, and those of `work`.
pub fn relay(from: u32, to: u32, work: impl FnMut(&mut [u8], u32)) -> Result<()> {
    run(&Heap::open(HEAP)?.attach()?, from, to, work)
}

/// As [`relay`], after putting [`SLOTS`] new frames into the queue they come by.
///
/// # Errors
/// Those of [`relay`], and of allocating.
pub fn start(from: u32, to: u32, work: impl FnMut(&mut [u8], u32)) -> Result<()> {
    let heap = Heap::open(HEAP)?.attach()?;
    let queue = heap.queue::<[u8]>(from)?;
    for _ in 0..SLOTS {
        queue.send(heap.slice(picture::LEN)?)?;
    }
    run(&heap, from, to, work)
}

fn run(heap: &Heap, from: u32, to: u32, mut work: impl FnMut(&mut [u8], u32)) -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().and_then(|count| count.parse().ok()).ok_or(Error::Bounds)?;
    let works = arguments.next().is_none_or(|word| word != IDLE);
    let (from, to) = (heap.queue::<[u8]>(from)?, heap.queue::<[u8]>(to)?);
    for sequence in 0..count {
        let mut frame: Block<'_> = from.receive()?;
        if works {
            work(&mut frame, sequence);
        }
        to.send(frame)?;
    }
    Ok(())
}

/// What `main` returns.
#[must_use]
pub fn finish(stage: &str, result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{stage}: {error}");
            ExitCode::FAILURE
        }
    }
}
