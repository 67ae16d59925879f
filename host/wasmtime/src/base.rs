//! Where byte 0 of a memory is: at home in its own reservation, or in an object's buffer, which is how a window shows an object in place.
//!
//! The engine asks for the base when an instance is made and whenever it grows a memory, also by 0, and goes by the last answer until then. So a buffer that it
//! was told of is held until it is known that it goes by another.

use alloc::sync::Arc;
use alloc::vec::Vec;

use memctl_core::{Directory, Error, Shield};
use wasmtime::Engine;

use crate::buffer::Held;
use crate::locks::{Guard, Mutex, OnceLock};
use crate::mmu::Reservation;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Whether compiled code bears it that a memory's base changes when the memory is grown, as far as the engine said when it asked for the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// It may go by one base for good, or leave it to what lies behind the memory to stop accesses past its end.
    Fixed,
    /// It reads the base anew after every growth, and checks every access against the length, if the engine's setting `memory_may_move` says so too, and
    /// while the memory is smaller than this.
    Free {
        /// In bytes. At its maximum a memory can be imported as one that never grows, and code that does goes by one base.
        below: usize,
    },
}

/// What a memory says that it is for: the data of modules that were instrumented, or linked with windows.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) shield: Option<Shield>,
    pub(crate) directory: Option<Directory>,
}

/// The first bytes of a shield or a directory.
pub(crate) fn header(memory: &Reservation) -> Option<[u8; 128]> {
    let mut header = [0; 128];
    memory.read(0, &mut header).ok()?;
    Some(header)
}

/// Where a memory is, and what the engine knows of that.
#[derive(Debug)]
pub(crate) struct Base {
    home: Arc<Reservation>,
    seat: Seat,
    /// The number of the engine's `Config` among those that the process configured.
    config: u64,
    instance: OnceLock<u64>,
    marks: OnceLock<Marks>,
    /// The engine's settings allow other bases than one.
    trusted: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the memory is; nowhere is at home.
    place: Option<Place>,
    /// What the engine is known to go by.
    known: Option<Place>,
    /// The engine asked since then, and may go by what it was told.
    asked: bool,
    /// Everything but home that the engine may go by.
    told: Vec<Held>,
    trace: Trace,
    /// What it was told last.
    answer: Option<Place>,
}

/// A place in an object's buffer.
#[derive(Clone, Debug)]
struct Place {
    buffer: Held,
    offset: usize,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buffer, &other.buffer) && self.offset == other.offset
    }
}

/// How much was seen of a growth by 0 during one call of the guest's out to the host: the engine asks for the size, for the base, and for the size again, and goes by these from
/// then on (wasmtime 48, `LocalMemory::grow` and `LinearMemoryProxy::vmmemory`, called one after the other by `Instance::memory_grow`). Nothing else that it does begins with the
/// size: `memory.atomic.notify` asks for base and size, and a fault for base and capacity, and neither goes by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Trace {
    /// Nobody looks, or something else was seen.
    #[default]
    Off,
    /// A call began.
    Begun,
    Size,
    SizeBase,
}

/// What the engine asks a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Size,
    Base,
    /// Anything else.
    Other,
}

impl Base {
    /// A memory at home, for an engine with the configuration of this number.
    pub(crate) fn new(home: Arc<Reservation>, seat: Seat, config: u64) -> Arc<Self> {
        let (instance, marks) = (OnceLock::new(), OnceLock::new());
        let (trusted, state) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { home, seat, config, instance, marks, trusted, state })
    }

    /// Which instance of a module it is a memory of, once the engine has made that.
    pub(crate) fn instance(&self) -> Option<u64> {
        self.instance.get().copied()
    }

    /// [`Base::instance`], which this is if it has none yet.
    pub(crate) fn instance_or(&self, instance: impl FnOnce() -> u64) {
        self.instance.get_or_init(instance);
    }

    /// What the memory is for, as its first bytes say when they are first looked at: before it can show an object, which may forbid looking.
    pub(crate) fn marks(&self) -> &Marks {
        self.marks.get_or_init(|| {
            let Some(header) = header(&self.home) else { return Marks::default() };
            Marks { shield: Shield::parse(&header, self.home.size()), directory: Directory::parse(&header) }
        })
    }

    pub(crate) fn home(&self) -> &Arc<Reservation> {
        &self.home
    }

    fn lock(&self) -> Guard<'_, State> {
        self.state.lock()
    }

    /// The memory is a window that goes with `memory`, which is one of a store of this engine's.
    pub(crate) fn trust(&self, engine: &Engine, memory: &Self) {
        if self.config != memory.config {
            return;
        }
        let bounds_are_checked = engine.get_memory_reservation() == 0 && engine.get_memory_guard_size() == 0;
        let faults_are_none = engine.is_pulley() || !engine.get_signals_based_traps();
        self.trusted.store(engine.get_memory_may_move() && bounds_are_checked && faults_are_none, Ordering::Relaxed);
    }

    /// Whether the memory can be elsewhere than at home.
    pub(crate) fn is_free(&self) -> bool {
        let Seat::Free { below } = self.seat else { return false };
        self.trusted.load(Ordering::Relaxed) && self.home.size() < below as u64
    }

    /// Puts the memory at `offset` of a buffer, which has as many bytes from there on as the memory.
    ///
    /// # Errors
    /// [`Error::Unsupported`] or [`Error::OutOfBounds`]; then it is where it was.
    pub(crate) fn put(&self, buffer: &Held, offset: u64) -> Result<(), Error> {
        let mut state = self.lock();
        let (len, limit) = (self.home.size(), buffer.len() as u64);
        if !self.is_free() {
            return Err(Error::Unsupported { why: "this memory's base can't change" });
        }
        let outside = Error::OutOfBounds { what: "the object's buffer", start: offset, len, limit };
        if offset.checked_add(len).is_none_or(|end| end > limit) {
            return Err(outside);
        }
        let offset = usize::try_from(offset).map_err(|_| outside)?;
        state.place = Some(Place { buffer: buffer.clone(), offset });
        Ok(())
    }

    /// Puts the memory back where it is at home.
    pub(crate) fn put_home(&self) {
        self.lock().place = None;
    }

    /// Where the memory is, if it isn't at home.
    #[cfg(not(feature = "std"))]
    pub(crate) fn away(&self) -> Option<core::ops::Range<usize>> {
        let state = self.lock();
        let Place { buffer, offset } = state.place.as_ref()?;
        let start = buffer.address(*offset).addr();
        Some(start..start.saturating_add(usize::try_from(self.home.size()).ok()?))
    }

    /// The memory, without what was known of it.
    #[cfg(not(feature = "std"))]
    pub(crate) fn into_home(self) -> Arc<Reservation> {
        self.home
    }

    /// Whether the engine may go by another base than this memory's.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.lock().is_unsettled()
    }

    /// Whether the memory can grow: only if all that the engine may go by is home.
    pub(crate) fn can_grow(&self) -> bool {
        let state = self.lock();
        state.place.is_none() && state.told.is_empty()
    }

    /// The guest calls the host: it may be growing the memory.
    pub(crate) fn listen(&self) {
        self.lock().trace = Trace::Begun;
    }

    /// Control goes back to the guest.
    pub(crate) fn stop_listening(&self) {
        self.lock().trace = Trace::Off;
    }

    /// The engine asks for the base.
    pub(crate) fn address(&self) -> *mut u8 {
        let mut state = self.lock();
        state.note(Asked::Base);
        if state.place != state.known {
            state.asked = true;
        }
        state.answer = state.place.clone();
        let Some(Place { buffer, offset }) = state.place.clone() else { return self.home.base() };
        let address = buffer.address(offset);
        if !state.told.iter().any(|told| Arc::ptr_eq(told, &buffer)) {
            state.told.push(buffer);
        }
        address
    }

    /// The engine asks for something else.
    pub(crate) fn note(&self, asked: Asked) {
        self.lock().note(asked);
    }

    /// How many bytes from the base on are the memory's, or can be without moving.
    pub(crate) fn capacity(&self) -> usize {
        let away = self.lock().place.is_some();
        if away { usize::try_from(self.home.size()).unwrap_or(usize::MAX) } else { self.home.capacity() }
    }
}

impl State {
    fn is_unsettled(&self) -> bool {
        self.asked || self.place != self.known
    }

    fn note(&mut self, asked: Asked) {
        self.trace = match (self.trace, asked) {
            (Trace::Begun, Asked::Size) => Trace::Size,
            (Trace::Size, Asked::Base) => Trace::SizeBase,
            (Trace::SizeBase, Asked::Size) => {
                if self.answer == self.place {
                    self.settle();
                }
                Trace::Off
            }
            _ => Trace::Off,
        };
    }

    /// The engine goes by the place where the memory is.
    fn settle(&mut self) {
        self.known = self.place.clone();
        self.asked = false;
        self.told.clear();
        self.told.extend(self.place.iter().map(|place| place.buffer.clone()));
    }
}

#[cfg(test)]
mod tests;
