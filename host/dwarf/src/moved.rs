//! Where code was and where it is: offsets in the contents of the code section, as DWARF for wasm counts addresses.

/// A function's place before, as offsets in the file, and what became of it.
#[derive(Clone, Debug)]
pub struct MovedBody {
    /// First byte of the old body, behind its size.
    start: usize,
    /// The byte after its last.
    end: usize,
    new_len: usize,
    /// Where instructions were, as offsets in the file, and where they are, as offsets in the new body.
    moved: Vec<(usize, usize)>,
}

impl MovedBody {
    /// A body that lay at `old` in the file, without its size, and is `new_len` bytes long now. `moved` says of its instructions where they were, as offsets in
    /// the file, and where they are, as offsets in the new body.
    #[must_use]
    pub fn new(old: std::ops::Range<usize>, new_len: usize, moved: Vec<(usize, usize)>) -> Self {
        Self { start: old.start, end: old.end, new_len, moved }
    }
}

/// Where an address is now.
#[derive(Debug, Default)]
pub struct Moved {
    /// Old and new addresses that belong to each other, sorted.
    anchors: Vec<(u64, u64)>,
}

impl Moved {
    /// `code` is where the section's contents begin in the old file, `functions` how many functions there are in the new one.
    #[must_use]
    pub fn of(code: usize, functions: usize, bodies: &[MovedBody]) -> Self {
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
    #[must_use]
    pub fn new_address(&self, old: u64) -> u64 {
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
