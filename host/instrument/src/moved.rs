//! Where code was and where it is: offsets in the contents of the code section, as DWARF for wasm counts addresses.

use crate::body::Rewritten;

/// A function's place before, as offsets in the file, and what became of it.
pub(crate) struct MovedBody {
    /// First byte of the old body, behind its size.
    pub(crate) start: usize,
    /// The byte after its last.
    pub(crate) end: usize,
    pub(crate) new_len: usize,
    /// See [`Rewritten::moved`].
    pub(crate) moved: Vec<(usize, usize)>,
}

impl MovedBody {
    pub(crate) fn new(old: std::ops::Range<usize>, rewritten: Rewritten) -> Self {
        let Rewritten { function, moved } = rewritten;
        Self { start: old.start, end: old.end, new_len: function.byte_len(), moved }
    }
}

/// Where an address is now.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Old and new addresses that belong to each other, sorted.
    anchors: Vec<(u64, u64)>,
}

impl Moved {
    /// `code` is where the section's contents begin in the old file, `functions` how many functions there are in the new one.
    pub(crate) fn of(code: usize, functions: usize, bodies: &[MovedBody]) -> Self {
        let mut anchors = Vec::new();
        let mut new = leb_len(functions);
        let mut last = None;
        for body in bodies {
            let old = |offset: usize| (offset - code) as u64;
            let old_size =
                last.unwrap_or_else(|| old(body.start).saturating_sub(leb_len(body.end - body.start) as u64));
            anchors.push((old_size, new as u64));
            new += leb_len(body.new_len);
            anchors.push((old(body.start), new as u64));
            anchors.extend(body.moved.iter().map(|(offset, at)| (old(*offset), (new + at) as u64)));
            new += body.new_len;
            last = Some(old(body.end));
        }
        anchors.extend(last.map(|last| (last, new as u64)));
        anchors.dedup_by_key(|(old, _)| *old);
        Self { anchors }
    }

    /// The new address. What is no address of a function stays what it is: linkers mark what they left out by such.
    pub(crate) fn new_address(&self, old: u64) -> u64 {
        let behind = self.anchors.partition_point(|(anchor, _)| *anchor <= old);
        let Some((anchor, new)) = behind.checked_sub(1).map(|at| self.anchors[at]) else { return old };
        match self.anchors.get(behind) {
            Some((_, next)) => (new + (old - anchor)).min((*next).max(new + 1) - 1),
            None if old == anchor => new,
            None => old,
        }
    }
}

/// Bytes of a number as LEB128.
fn leb_len(number: usize) -> usize {
    let bits = usize::BITS - number.leading_zeros();
    (bits.max(1) as usize).div_ceil(7)
}
