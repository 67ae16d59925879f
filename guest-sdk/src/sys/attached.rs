//! A window that shows a heap, or a chain of them.

use alloc::vec::Vec;
use core::mem;
use core::ptr::NonNull;

use super::{Pages, heap_wire};
use crate::bindings::heap as wit;
use crate::bindings::types::Protection;
use crate::heap::Token;
use crate::{Error, Result};

/// A window that shows a heap until this is dropped. Its bytes are reached by [`Held`](super::Held) blocks only: rule 6 in [`super`].
pub(crate) struct Attached {
    heap: u64,
    members: Vec<Member>,
    // Invariant: `Some` until `end` took it; large enough for each member.
    pages: Option<Pages>,
}

/// A heap of a chain, in the window.
#[derive(Debug)]
struct Member {
    heap: u64,
    start: usize,
    len: usize,
}

// SAFETY: the pages are owned and alias nothing of this type's; this type makes no reference to their bytes, and the host does one call at a time.
unsafe impl Send for Attached {}
// SAFETY: as above. What takes `&self` changes nothing here; blocks that the host gives out through it are different ones each time.
unsafe impl Sync for Attached {}

impl Attached {
    /// Shows the heap in the first bytes of `pages`.
    pub(crate) fn attach(heap: u64, pages: Pages, protection: Protection) -> Result<Self, (Pages, Error)> {
        match members(heap) {
            Ok((members, len)) if len <= pages.len() => {
                let window = pages.window(len);
                // SAFETY: the window is inside `pages`, whose bytes nobody can reach but as `Held` says.
                match unsafe { heap_wire::attach(heap, window, protection) } {
                    Ok(()) => Ok(Self { heap, members, pages: Some(pages) }),
                    Err(error) => Err((pages, error)),
                }
            }
            Ok(_) => Err((pages, Error::Bounds)),
            Err(error) => Err((pages, error)),
        }
    }

    pub(crate) fn heap(&self) -> u64 {
        self.heap
    }

    fn pages(&self) -> &Pages {
        self.pages.as_ref().expect("a heap is attached until it is detached")
    }

    /// Where the window shows the block that a token names, if there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is of another heap, [`Error::Bounds`] if it is not inside this one.
    pub(super) fn place(&self, token: Token) -> Result<(NonNull<u8>, usize)> {
        let member = self.members.iter().find(|member| member.heap == token.heap).ok_or(Error::NotFound)?;
        let offset = usize::try_from(token.offset).map_err(|_| Error::Bounds)?;
        let len = usize::try_from(token.len).map_err(|_| Error::Bounds)?;
        if len == 0 || offset > member.len || len > member.len - offset {
            return Err(Error::Bounds);
        }
        let part = self.pages().part(member.start + offset, len);
        Ok((NonNull::new(part.start).ok_or(Error::Bounds)?, len))
    }

    /// Detaches, and gives the window back.
    pub(crate) fn detach(mut self) -> Result<Pages> {
        self.end()?;
        self.pages.take().ok_or(Error::Stale)
    }

    fn end(&mut self) -> Result<()> {
        wit::detach(self.heap).map_err(Error::from).inspect_err(|_| {
            // Whatever the window shows now, nobody else gets it.
            mem::forget(self.pages.take());
        })
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if self.pages.is_some() {
            // An error goes to the host's log.
            let _detached = self.end();
        }
    }
}

/// The heaps of a chain, and how much room they need.
fn members(heap: u64) -> Result<(Vec<Member>, usize)> {
    let room = |number: u64| usize::try_from(number).map_err(|_| Error::OutOfMemory);
    let (mut members, mut end) = (Vec::new(), 0);
    for index in 0.. {
        let member = match wit::member(heap, index) {
            Ok(member) => member,
            Err(wit::ErrorCode::NotFound) if index > 0 => break,
            Err(error) => return Err(error.into()),
        };
        let (start, len) = (room(member.start)?, room(wit::status(member.heap)?.max_len)?);
        end = end.max(start.checked_add(len).ok_or(Error::OutOfMemory)?);
        members.push(Member { heap: member.heap, start, len });
    }
    Ok((members, end))
}
