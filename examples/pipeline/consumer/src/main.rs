//! Reads frames from a shared object, and prints the checksum of each: `pipeline-consumer [COUNT [BYTES]]`.
//!
//! The frames' bytes are never passed: the producer writes them into the object, this program reads them there.

use std::process::ExitCode;

use memctl_guest::{Error, MapOptions, Object};

use bindings::memctl::pipeline::frames;

mod bindings {
    //! The world `memctl:pipeline/consumer`.

    wit_bindgen::generate!({
        world: "memctl:pipeline/consumer",
        path: ["../../../wit", "../wit"],
        with: {
            "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
            "wasi:memory-control/object@0.1.0-draft": memctl_guest::bindings::object,
        },
    });
}

/// Frames and bytes of each, without arguments: 64 × 1 MiB.
const DEFAULT: (u32, u64) = (64, 1 << 20);

fn main() -> ExitCode {
    let Some((count, len)) = arguments() else {
        eprintln!("usage: pipeline-consumer [COUNT [BYTES]]");
        return ExitCode::from(2);
    };
    match consume(count, len) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline-consumer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Option<(u32, u64)> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().map_or(Ok(DEFAULT.0), |count| count.parse()).ok()?;
    let len = arguments.next().map_or(Ok(DEFAULT.1), |len| len.parse()).ok()?;
    arguments.next().is_none().then_some((count, len))
}

fn consume(count: u32, len: u64) -> Result<(), Error> {
    frames::start(count, len)?;
    let object = match frames::share() {
        Some(handle) => Object::from_resource(handle),
        None => Object::open("frames")?,
    };
    let mapping = MapOptions::new().shared().map(&object)?;
    let (mut seen, mut total, mut all) = (0_u64, 0, fnv1a::START);
    while let Some(frame) = frames::next()? {
        let start = usize::try_from(frame.offset).map_err(|_| Error::Bounds)?;
        let len = usize::try_from(frame.len).map_err(|_| Error::Bounds)?;
        let bytes = mapping.read_range(start..start.saturating_add(len))?;
        let checksum = fnv1a::hash(fnv1a::START, &bytes);
        bytes.release()?;
        println!("frame {}: {checksum:016x}", frame.sequence);
        all = fnv1a::hash(all, &checksum.to_le_bytes());
        seen += 1;
        total += frame.len;
    }
    mapping.unmap()?;
    println!("{seen} frames, {total} bytes: {all:016x}");
    Ok(())
}

mod fnv1a {
    //! FNV-1a with 64 bits (draft-eastlake-fnv).

    /// The hash of no bytes.
    pub(crate) const START: u64 = 0xcbf2_9ce4_8422_2325;

    /// `hash`, continued over `bytes`.
    pub(crate) fn hash(hash: u64, bytes: &[u8]) -> u64 {
        bytes.iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_drafts_test_vectors_hold() {
            assert_eq!(super::hash(super::START, b"a"), 0xaf63_dc4c_8601_ec8c);
            assert_eq!(super::hash(super::START, b"foobar"), 0x8594_4171_f739_67e8);
        }
    }
}
