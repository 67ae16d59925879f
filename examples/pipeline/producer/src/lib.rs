//! Fills frames in a shared object.
//!
//! If the embedder published an object named `frames`, they go there; otherwise into an anonymous object whose handle is passed on.

mod text;

use std::cell::RefCell;

use memctl_guest::bindings::types::ErrorCode;
use memctl_guest::{Error, MapOptions, MappingMut, Object, domain};

use bindings::exports::memctl::pipeline::frames::{Frame, Guest};

mod bindings {
    //! The world `memctl:pipeline/producer`.

    wit_bindgen::generate!({
        world: "memctl:pipeline/producer",
        path: ["../../../wit", "../wit"],
        with: {
            "wasi:memory-control/types@0.1.0-draft": memctl_guest::bindings::types,
            "wasi:memory-control/object@0.1.0-draft": memctl_guest::bindings::object,
        },
    });
}

/// Frames that stand in the object at a time, where the producer makes it.
const SLOTS: u64 = 4;

/// The component's exports.
struct Producer;

/// What `start` prepared.
struct Stream {
    mapping: MappingMut,
    /// The handle to pass on, until it was.
    object: Option<Object>,
    /// Bytes from the start of one slot to the next, a multiple of the granule.
    stride: usize,
    slots: u64,
    len: usize,
    count: u64,
    sequence: u64,
}

thread_local! {
    static STREAM: RefCell<Option<Stream>> = const { RefCell::new(None) };
}

impl Stream {
    fn new(count: u32, len: u64) -> Result<Self, Error> {
        let len = usize::try_from(len).map_err(|_| Error::OutOfMemory)?;
        if len == 0 {
            return Err(Error::Bounds);
        }
        let stride = len.checked_next_multiple_of(domain::granule()).ok_or(Error::OutOfMemory)?;
        let (object, published) = match Object::open("frames") {
            Ok(object) => (object, true),
            Err(Error::NotFound) => (Object::anonymous(stride as u64 * SLOTS)?, false),
            Err(error) => return Err(error),
        };
        let slots = object.len()? / stride as u64;
        if slots == 0 {
            return Err(Error::Bounds);
        }
        let mapping = MapOptions::new().map_mut(&object)?;
        Ok(Self {
            mapping,
            object: (!published).then_some(object),
            stride,
            slots,
            len,
            count: count.into(),
            sequence: 0,
        })
    }

    fn next(&mut self) -> Result<Option<Frame>, Error> {
        if self.sequence == self.count {
            return Ok(None);
        }
        let sequence = self.sequence;
        let slot = usize::try_from(sequence % self.slots).map_err(|_| Error::Bounds)?;
        let offset = slot * self.stride;
        let mut bytes = self.mapping.write_range(offset..offset + self.len)?;
        text::fill(&mut bytes, sequence);
        bytes.release()?;
        self.sequence += 1;
        Ok(Some(Frame { sequence, offset: offset as u64, len: self.len as u64 }))
    }
}

impl Guest for Producer {
    fn start(count: u32, len: u64) -> Result<(), ErrorCode> {
        let stream = Stream::new(count, len)?;
        STREAM.set(Some(stream));
        Ok(())
    }

    fn share() -> Option<memctl_guest::bindings::object::Object> {
        STREAM.with_borrow_mut(|stream| stream.as_mut()?.object.take()).map(Object::into_resource)
    }

    fn next() -> Result<Option<Frame>, ErrorCode> {
        STREAM.with_borrow_mut(|stream| match stream {
            Some(stream) => Ok(stream.next()?),
            None => Ok(None),
        })
    }
}

// Natively the names of the exports are no symbols that a linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Producer with_types_in bindings);
