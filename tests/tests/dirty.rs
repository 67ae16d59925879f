//! Windows that hold copies are published by what was stored to, where the embedder sees that. In a program of its own: tracking is one for all domains.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Mutex;

use memctl_tests::probe::Access;
use memctl_tests::{GRANULE, LEASED, World};
use memctl_wasmtime::{DirtyTracking, Mode};

/// What a machine that sees every store would know, as the test tells it.
static SEEN: Mutex<Seen> = Mutex::new(Seen { in_step: Vec::new(), stores: BTreeSet::new() });

struct Seen {
    in_step: Vec<Range<usize>>,
    stores: BTreeSet<usize>,
}

const LINE: usize = 64;

fn in_step(bytes: Range<usize>) {
    let mut seen = SEEN.lock().expect("no panic");
    seen.stores.retain(|store| !bytes.contains(store));
    seen.in_step.push(bytes);
}

fn dirty(bytes: Range<usize>, tell: &mut dyn FnMut(Range<usize>)) {
    let seen = SEEN.lock().expect("no panic");
    if !seen.in_step.iter().any(|known| known.start <= bytes.start && bytes.end <= known.end) {
        return tell(bytes);
    }
    for store in seen.stores.range(bytes) {
        // Too much, on both sides of what was asked for: nothing else may come of that.
        tell(store / LINE * LINE..store / LINE * LINE + LINE);
        // And once more.
        tell(*store..store + 1);
    }
}

fn forget(bytes: Range<usize>) {
    let mut seen = SEEN.lock().expect("no panic");
    seen.in_step.retain(|known| known.end <= bytes.start || bytes.end <= known.start);
    seen.stores.retain(|store| !bytes.contains(store));
}

/// The window that was last made to agree with its object.
fn newest() -> Range<usize> {
    SEEN.lock().expect("no panic").in_step.last().expect("there is one").clone()
}

#[test]
fn only_what_was_stored_to_is_published() {
    DirtyTracking { in_step, dirty, forget }.install();
    let world = World::new(Mode::Copy);
    world.publish("object", 4 * GRANULE);
    let (mut writer, mut reader) = (world.guest(), world.guest());
    let written = writer.mapped_by_name("object", 4 * GRANULE, LEASED);
    let read = reader.mapped_by_name("object", 4 * GRANULE, LEASED);
    // Nothing is known of a window before it was published once.
    let lease = writer.acquire(written, Access::Write).expect("free");
    writer.release(lease, written).expect("releases");
    assert_eq!(world.domain.stats().bytes_copied, 3 * 4 * GRANULE, "two windows were filled, and one was published");
    let window = newest();
    for round in 1..=5_u8 {
        let lease = writer.acquire(written, Access::Write).expect("free");
        let at = usize::from(round) * 1000;
        writer.write(written.start + at as u64, &[round; 4]);
        SEEN.lock().expect("no panic").stores.extend([window.start + at, window.start + at + 3]);
        let before = world.domain.stats();
        writer.release(lease, written).expect("releases");
        let published = world.domain.stats().bytes_copied - before.bytes_copied;
        assert!((4..=256).contains(&published), "{published} bytes for a store of four");
        assert_eq!(
            world.domain.stats().bytes_clean - before.bytes_clean,
            4 * GRANULE - published,
            "told twice, moved twice"
        );
        let lease = reader.acquire(read, Access::Read).expect("free");
        for earlier in 1..=round {
            assert_eq!(reader.read(read.start + u64::from(earlier) * 1000, 4), [earlier; 4]);
        }
        reader.release(lease, read).expect("releases");
    }
    assert_eq!(world.object("object")[5000..5004], [5; 4]);
    writer.unmap(written).expect("live");
    let seen = SEEN.lock().expect("no panic");
    assert!(seen.in_step.iter().all(|known| !known.contains(&window.start)), "it is no window any more");
}
