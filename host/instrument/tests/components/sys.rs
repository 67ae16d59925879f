//! Memories that a test can look into while guests use them.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::{Arc, Mutex};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Most bytes that a memory can have here.
const ROOM: usize = 8 << 16;

const LAYOUT: Layout = match Layout::from_size_align(ROOM, 1 << 16) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

struct Room(*mut u8);

// SAFETY: a `Room` owns its bytes, and the tests that share one run on one thread.
unsafe impl Send for Room {}
// SAFETY: as above.
unsafe impl Sync for Room {}

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: `alloc_zeroed` gave it for this layout, and the last owner is gone.
        unsafe { dealloc(self.0, LAYOUT) }
    }
}

/// A memory that the test and the engine share.
#[derive(Clone)]
pub(crate) struct Shared {
    room: Arc<Room>,
    size: Arc<Mutex<usize>>,
}

impl Shared {
    pub(crate) fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        assert!(at + N <= ROOM);
        // SAFETY: in the room, as was checked.
        let from = unsafe { self.room.0.add(at) };
        // SAFETY: so many bytes are there, and no guest runs while the host does.
        unsafe { from.cast::<[u8; N]>().read() }
    }

    pub(crate) fn write(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= ROOM);
        // SAFETY: in the room, as was checked.
        let to = unsafe { self.room.0.add(at) };
        // SAFETY: so many bytes are there, and no guest runs while the host does.
        unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) }
    }
}

// SAFETY: the bytes stay where they are, and `byte_size` of them are there.
unsafe impl LinearMemory for Shared {
    fn byte_size(&self) -> usize {
        *self.size.lock().expect("no test panics with the lock")
    }

    fn byte_capacity(&self) -> usize {
        ROOM
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        wasmtime::ensure!(size <= ROOM, "no room for {size} bytes");
        *self.size.lock().expect("no test panics with the lock") = size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.room.0
    }
}

/// All memories that an engine made, in order.
#[derive(Clone, Default)]
pub(crate) struct Memories(pub(crate) Arc<Mutex<Vec<Shared>>>);

// SAFETY: `new_memory` gives zeroed memories of the size that was asked for; without guard pages, which the configuration asks for.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        _: Option<usize>,
        _: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if minimum > ROOM {
            return Err(format!("no room for {minimum} bytes"));
        }
        // SAFETY: the layout has bytes.
        let bytes = unsafe { alloc_zeroed(LAYOUT) };
        let memory = Shared { room: Arc::new(Room(bytes)), size: Arc::new(Mutex::new(minimum)) };
        self.0.lock().expect("no test panics with the lock").push(memory.clone());
        Ok(Box::new(memory))
    }
}
