//! What is measured.

mod crossing;
mod hand_over;
mod heap;
mod lease;
mod map;
mod protection;
mod publish;
mod read;
mod rebind;
mod scan;
mod window;

use anyhow::Result;

use crate::measure::Effort;
use crate::row::Row;
use crate::world;

/// What all groups need.
pub(crate) struct Setup {
    pub(crate) effort: Effort,
    /// The component of `benches/guest`.
    pub(crate) guest: Vec<u8>,
}

impl Setup {
    pub(crate) fn new(effort: Effort) -> Result<Self> {
        Ok(Self { effort, guest: world::guest_wasm()? })
    }
}

type Group = fn(&Setup) -> Result<Vec<Row>>;

/// All groups, by the names that `--filter` knows.
pub(crate) const GROUPS: [(&str, Group); 11] = [
    ("map", map::rows),
    ("read", read::rows),
    ("hand-over", hand_over::rows),
    ("scan", scan::rows),
    ("crossing", crossing::rows),
    ("publish", publish::rows),
    ("lease", lease::rows),
    ("protection", protection::rows),
    ("heap", heap::rows),
    ("window", window::rows),
    ("rebind", rebind::rows),
];

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A length as guests take it.
fn wire(len: usize) -> u32 {
    u32::try_from(len).expect("a 32-bit length")
}
