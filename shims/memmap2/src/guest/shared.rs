//! Windows that several maps have in common.

use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use memctl_guest::protection::{self, Protection};
use memctl_guest::{Error, Object, RawMapping, Rights, WindowBuf};

use super::file::{Asked, Source, coherent};
use super::sys::Identity;
use super::{error, live, sys};

/// A window on a file, for all maps that lie in its range.
pub(super) struct Window {
    file: Identity,
    range: Range<u64>,
    state: Mutex<State>,
}

struct State {
    // Invariant: `Some`, and at the same address, whenever the lock is free.
    mapping: Option<RawMapping>,
    /// The handle that it was mapped with.
    object: Arc<Object>,
    /// How many maps may store.
    writers: usize,
    protection: Protection,
}

/// One map's part in a window.
pub(super) struct Share {
    window: Arc<Window>,
    writes: bool,
}

impl Share {
    /// A part in a window that shows `range`, which may be a live one. `None` if the file may only be read, and the host can't keep stores away.
    pub(super) fn of(source: &Source, range: &Range<u64>) -> io::Result<Option<Self>> {
        let window = match live::covering(source.file, range) {
            Some(window) => window,
            None => match Window::new(source, range)? {
                Some(window) => window,
                None => return Ok(None),
            },
        };
        let mut share = Self { window, writes: false };
        if source.asked == Asked::Write {
            share.make_mut(source)?;
        }
        Ok(Some(share))
    }

    pub(super) fn window(&self) -> &Arc<Window> {
        &self.window
    }

    /// Whether no other map has a part in the window.
    pub(super) fn is_sole(&self) -> bool {
        Arc::strong_count(&self.window) == 1
    }

    /// Makes stores possible, on behalf of a map whose file was opened for writing.
    pub(super) fn make_mut(&mut self, source: &Source) -> io::Result<()> {
        if self.writes {
            return Ok(());
        }
        let mut state = self.window.lock();
        if !state.object.rights().contains(Rights::WRITE) {
            state.replace(source, &self.window.range)?;
        }
        state.protect(Protection::ReadWrite).map_err(|why| source.refused(&self.window.range, why))?;
        state.writers += 1;
        drop(state);
        self.writes = true;
        Ok(())
    }

    /// Takes `make_mut` back. The window is protected again if nobody else stores, and the host can do that.
    pub(super) fn make_read_only(&mut self) {
        if self.writes {
            self.writes = false;
            let mut state = self.window.lock();
            state.writers -= 1;
            if state.writers == 0 {
                // Where it can't be, no safe code stores through a map for reading.
                let _ = state.protect(Protection::Read);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.is_sole() {
            self.make_read_only();
        }
    }
}

impl Window {
    fn new(source: &Source, range: &Range<u64>) -> io::Result<Option<Arc<Self>>> {
        let Some((mapping, protection)) = map(source, range)? else { return Ok(None) };
        let state = State { mapping: Some(mapping), object: Arc::clone(&source.object), writers: 0, protection };
        let window = Arc::new(Self { file: source.file, range: range.clone(), state: Mutex::new(state) });
        live::add(&window);
        Ok(Some(window))
    }

    pub(super) fn file(&self) -> Identity {
        self.file
    }

    /// The bytes of the file that are shown.
    pub(super) fn range(&self) -> &Range<u64> {
        &self.range
    }

    pub(super) fn extent(&self) -> (NonNull<u8>, usize) {
        let state = self.lock();
        let mapping = state.mapping();
        (NonNull::new(mapping.as_ptr()).expect("no window begins at address 0"), mapping.len())
    }

    pub(super) fn publish(&self, part: Range<usize>) -> Result<(), Error> {
        self.lock().mapping().publish(part)
    }

    pub(super) fn sync(&self, part: Range<usize>) -> Result<(), Error> {
        self.lock().mapping().sync(part)
    }

    /// Makes bytes of the file zero, and gives their storage back: whole granules.
    pub(super) fn discard(&self, part: Range<usize>) -> io::Result<()> {
        let state = self.lock();
        let window = ptr::slice_from_raw_parts_mut(state.mapping().as_ptr(), state.mapping().len());
        sys::discard(window, part).map_err(|why| error::refused("removing bytes of a file", why))
    }

    /// Does something while the window shows nothing. If that fails it shows again what it did.
    pub(super) fn while_unmapped<T>(&self, source: &Source, then: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut state = self.lock();
        let window = state.unmap()?;
        then().inspect_err(|_| state.show_again(source, &self.range, window))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn mapping(&self) -> &RawMapping {
        self.mapping.as_ref().expect("a window shows its file")
    }

    fn protect(&mut self, protection: Protection) -> Result<(), Error> {
        if self.protection != protection {
            let mapping = self.mapping();
            protection::protect(ptr::slice_from_raw_parts(mapping.as_ptr(), mapping.len()), protection)?;
            self.protection = protection;
        }
        Ok(())
    }

    /// Shows the file by another handle, which may write, at the same address.
    fn replace(&mut self, source: &Source, range: &Range<u64>) -> io::Result<()> {
        let window = self.unmap()?;
        match source.options(range, coherent).map_raw_in(window, &source.object, Protection::ReadWrite) {
            Ok(mapping) => {
                self.mapping = Some(mapping);
                self.object = Arc::clone(&source.object);
                self.protection = Protection::ReadWrite;
                Ok(())
            }
            Err(refused) => {
                self.show_again(source, range, refused.window);
                Err(source.refused(range, refused.error))
            }
        }
    }

    fn unmap(&mut self) -> io::Result<WindowBuf> {
        // What can fail, first: afterwards the mapping is gone either way.
        self.mapping().publish(..).map_err(|why| error::refused("publishing a map's bytes", why))?;
        let mapping = self.mapping.take().expect("a window shows its file");
        Ok(mapping.unmap_into_window().unwrap_or_else(|why| give_up(why)))
    }

    /// Shows what was shown before `unmap`.
    fn show_again(&mut self, source: &Source, range: &Range<u64>, window: WindowBuf) {
        let mapped = source.options(range, coherent).map_raw_in(window, &self.object, self.protection);
        self.mapping = Some(mapped.unwrap_or_else(|refused| give_up(refused.error)));
    }
}

/// Others have pointers into the window, and it is gone.
fn give_up(why: Error) -> ! {
    eprintln!("memmap2: a window that was to be mapped again can't be: {why}");
    std::process::abort();
}

/// A new window, and how it is protected.
fn map(source: &Source, range: &Range<u64>) -> io::Result<Option<(RawMapping, Protection)>> {
    if source.asked == Asked::Read {
        let options = source.options(range, coherent);
        match options.map_raw(&source.object, Protection::Read) {
            Ok(mapping) => return Ok(Some((mapping, Protection::Read))),
            // No range, or not so many, can be protected. Asked rather than looked up: an embedder may let it be advice.
            Err(Error::Unsupported | Error::Quota) => {}
            Err(why) => return Err(source.refused(range, why)),
        }
    }
    if !source.is_writable() {
        return Ok(None);
    }
    Ok(Some((source.map(range, Protection::ReadWrite, coherent)?, Protection::ReadWrite)))
}
