//! Dirty tracking: of a watched window only the parts that were stored to are copied.

use alloc::boxed::Box;
use core::ops::Range;

use wasmtime::{Error, Result, ensure};

use crate::console::say;
use crate::sys::machine::protection::BINDS_PRIVILEGED;
use crate::sys::machine::{clock, privilege};
use crate::sys::partition::{GivenUp, Partition};
use crate::sys::pool::Pool;
use crate::tracking;

/// A window, and where it is published to.
#[repr(align(1024))]
struct Window {
    bytes: [u8; LEN],
    object: [u8; LEN],
}
const LEN: usize = 4096;

/// One publish: how many bytes were copied, and what it took.
#[derive(Clone, Copy, Debug)]
struct Published {
    bytes: usize,
    ticks: u32,
}

/// The window's addresses.
fn addresses(window: &Window) -> Range<usize> {
    let start = window.bytes.as_ptr().addr();
    start..start + LEN
}

/// Stores as a guest does, and a byte at the window's end as the host does for one.
fn store(window: &mut Window) {
    privilege::lower();
    window.bytes[1025] = core::hint::black_box(1);
    window.bytes[1026] = core::hint::black_box(2);
    let _level = privilege::raise();
    window.bytes[LEN - 1] = core::hint::black_box(3);
}

/// Copies the whole window.
fn publish_all(window: &mut Window) -> Published {
    let start = clock::now();
    window.object.copy_from_slice(&window.bytes);
    Published { bytes: LEN, ticks: clock::since(start) }
}

/// Copies what was stored to. Where privileged stores pass unseen, the host says itself what it stored.
fn publish_dirty(window: &mut Window) -> Published {
    let start = clock::now();
    let base = addresses(window).start;
    let (parts, count) = tracking::parts();
    let mut bytes = 0;
    for part in &parts[..count] {
        let at = part.start - base..part.start - base + part.len;
        if part.dirty || !BINDS_PRIVILEGED && at.contains(&(LEN - 1)) {
            bytes += part.len;
            window.object[at.clone()].copy_from_slice(&window.bytes[at]);
        }
    }
    tracking::clean();
    Published { bytes, ticks: clock::since(start) }
}

fn turn<R: Copy>(partition: &mut Partition<'_, Window>, turn: impl FnOnce(&mut Window) -> R) -> Result<R> {
    let with_window = |tenant: &mut Option<Box<Window>>| {
        turn(tenant.get_or_insert_with(|| Box::new(Window { bytes: [0; LEN], object: [0; LEN] })))
    };
    partition.turn(with_window).map_err(|GivenUp(fault)| Error::msg(alloc::format!("given up for {fault:x?}")))
}

/// Plays the scene.
///
/// # Errors
/// What was not as promised.
pub(crate) fn play() -> Result<()> {
    let pool = Pool::take().ok_or_else(|| Error::msg("the pool is taken"))?;
    let mut partition = pool.cut::<Window>(64 << 10, 16 << 10).map_err(Error::msg)?;
    let window = turn(&mut partition, |window| {
        let address = addresses(window);
        (address.start, address.end)
    })?;
    let whole = turn(&mut partition, |window| {
        let start = clock::now();
        store(window);
        (publish_all(window), clock::since(start))
    })?;
    partition.layout().watch(&(window.0..window.1)).map_err(Error::msg)?;
    for round in 1..=2 {
        let (dirty, ticks) = turn(&mut partition, |window| {
            let start = clock::now();
            store(window);
            (publish_dirty(window), clock::since(start))
        })?;
        let equal = turn(&mut partition, |window| window.bytes == window.object)?;
        ensure!(equal, "what was published is not what the window shows");
        ensure!(dirty.bytes == LEN / 2, "{} bytes were copied, of two parts of {LEN} in four", dirty.bytes);
        say!(
            "dirty: round {round}: {} of {} bytes copied; {} {} instead of {}, {} with the stores and their faults instead of {}",
            dirty.bytes,
            whole.0.bytes,
            dirty.ticks,
            clock::UNIT,
            whole.0.ticks,
            ticks,
            whole.1
        );
    }
    Ok(())
}
