//! A component whose exports are the loops that the benchmarks time: see `wit/bench.wit`.

#[path = "../../../examples/file-scan/src/count.rs"]
mod count;
mod heap;
mod kept;
mod mark;
mod raw;
mod scan;

use std::cell::RefCell;

use memctl_guest::protection::{self, Bounds};
use memctl_guest::{MapOptions, Object, WindowBuf};

use bindings::exports::memctl::bench::runs::{Kernel, Scan};
use bindings::exports::memctl::bench::{runs, sink};
use bindings::memctl::bench::host;
use kept::Kept;

mod bindings {
    //! The world `memctl:bench/guest`.

    wit_bindgen::generate!({
        world: "memctl:bench/guest",
        path: ["../../wit", "wit"],
        with: {
            "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
            "wasi:memory-control/domain@0.1.0-draft": memctl_guest::bindings::domain,
            "wasi:memory-control/object@0.1.0-draft": memctl_guest::bindings::object,
            "wasi:memory-control/mapping@0.1.0-draft": memctl_guest::bindings::mapping,
            "wasi:memory-control/protection@0.1.0-draft": memctl_guest::bindings::protection,
            "wasi:memory-control/file-ticket@0.1.0-draft": memctl_guest::bindings::file_ticket,
        },
        generate_all,
    });
}

/// The component's exports.
struct Bench;

thread_local! {
    /// The mapping that `keep` made, or `sink.prepare`.
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    /// What `load` read.
    static LOADED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The object that the benchmarks publish.
fn object() -> Object {
    Object::open("object").expect("the host published it")
}

fn with_kept<R>(then: impl FnOnce(&mut Kept) -> R) -> R {
    KEPT.with_borrow_mut(|kept| then(kept.as_mut().expect("`keep` was called")))
}

/// The sum of the words of `bytes`.
#[inline(never)]
fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().fold(0, |sum, word| u64::wrapping_add(sum, u64::from_le_bytes(*word)))
}

impl runs::Guest for Bench {
    fn cross(times: u32) {
        (0..times).for_each(|_| host::nothing());
    }

    fn remap(len: u32, read: bool, times: u32) -> u64 {
        raw::map_again_and_again(object().as_resource(), len as usize, read, times)
    }

    fn remap_with_sdk(len: u32, times: u32) {
        let object = object();
        let mut window = WindowBuf::new(len as usize).expect("memory");
        for _ in 0..times {
            let mapping = MapOptions::new().len(len as usize).map_mut_in(window, &object).expect("it can be mapped");
            window = mapping.unmap_into_window().expect("it can be unmapped");
        }
    }

    fn keep(len: u32, automatic: bool) {
        let kept = Kept::new(&object(), len as usize, automatic);
        KEPT.with_borrow_mut(|slot| *slot = Some(kept));
    }

    fn unkeep() {
        KEPT.with_borrow_mut(|slot| *slot = None);
    }

    fn sum_window(times: u32) -> u64 {
        with_kept(|kept| kept.sum_window(times))
    }

    fn sum_plain(times: u32) -> u64 {
        with_kept(|kept| kept.sum_plain(times))
    }

    fn lease_to_read(times: u32) {
        with_kept(|kept| {
            for _ in 0..times {
                kept.read(false);
            }
        });
    }

    fn lease_to_write(times: u32) {
        with_kept(|kept| (0..times).for_each(|_| kept.write()));
    }

    fn hand_over(read: bool, times: u32) -> u64 {
        use bindings::memctl::bench::sink;
        (0..times).fold(0, |sum, _| {
            with_kept(Kept::write);
            u64::wrapping_add(sum, sink::frame(read))
        })
    }

    fn pass_list(read: bool, times: u32) -> u64 {
        use bindings::memctl::bench::sink;
        with_kept(|kept| (0..times).fold(0, |sum, _| u64::wrapping_add(sum, sink::bytes(kept.plain_written(), read))))
    }

    fn attach_heap(read_only: bool) {
        heap::attach(read_only);
    }

    fn allocate(len: u64, times: u32) {
        heap::allocate(len, times);
    }

    fn supply(len: u64, blocks: u32) {
        heap::supply(len, blocks);
    }

    fn forward(from: u32, to: u32, times: u32) {
        heap::forward(from, to, times);
    }

    fn drain(from: u32) {
        heap::drain(from);
    }

    fn look() -> u64 {
        heap::look()
    }

    fn scan_mapped(path: String, window: u32, align: u32, populate: bool, scan: Scan) -> u64 {
        scan::mapped(&path, (window as usize, align as usize), populate, scan)
    }

    fn scan_read(path: String, buffer: u32, scan: Scan) -> u64 {
        scan::read(&path, buffer as usize, scan)
    }

    fn load(path: String) {
        LOADED.set(std::fs::read(path).expect("the file can be read"));
    }

    fn scan_loaded(scan: Scan) -> u64 {
        LOADED.with_borrow(|bytes| scan::all(bytes, scan))
    }

    fn mark(kernel: Kernel, times: u32) -> u64 {
        mark::run(kernel, times)
    }

    fn seal(no_access: u64, read_only: u64) {
        protection::seal(Bounds { no_access, read_only }).expect("it can be sealed");
    }
}

impl sink::Guest for Bench {
    fn prepare() {
        let object = object();
        let len = usize::try_from(object.len().expect("its length is known")).expect("it fits");
        KEPT.set(Some(Kept::new(&object, len, false)));
    }

    fn frame(read: bool) -> u64 {
        with_kept(|kept| kept.read(read))
    }

    fn bytes(frame: Vec<u8>, read: bool) -> u64 {
        if read { sum(&frame) } else { 0 }
    }
}

bindings::export!(Bench with_types_in bindings);
