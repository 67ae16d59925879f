//! Blocks that are this guest's, to write or to read, and their bytes.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::slice;

use super::Attached;
use crate::bindings::heap as wit;
use crate::heap::{Hold, Owned, Reading, Shared, Token};
use crate::{Error, Result};

/// A block that the host says is this guest's, as `S` says. Dropping it ends that.
pub(crate) struct Held<'h, S: Hold> {
    attached: &'h Attached,
    token: Token,
    // Invariant: the block's bytes, inside the window that shows its heap.
    start: NonNull<u8>,
    len: usize,
    hold: PhantomData<S>,
}

// SAFETY: the bytes are this block's alone, or nobody writes them; there is one `Held` for a block. The host doesn't care which thread calls.
unsafe impl<S: Hold> Send for Held<'_, S> {}
// SAFETY: `&Held` only reads the bytes.
unsafe impl<S: Hold> Sync for Held<'_, S> {}

impl<'h, S: Hold> Held<'h, S> {
    /// # Safety
    /// The host has said a moment ago that the block is this guest's, as `S` says, and there is no other `Held` of it.
    unsafe fn new(attached: &'h Attached, token: Token) -> Result<Self> {
        match attached.place(token) {
            Ok((start, len)) => Ok(Self { attached, token, start, len, hold: PhantomData }),
            Err(error) => {
                // It can't be shown: not kept, either.
                let _ended = S::end(token);
                Err(error)
            }
        }
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: by the invariant the bytes are inside the window, and initialised, since the host has stored them; nobody writes them while they are held
        // to read, and while they are owned only `bytes_mut` does, which borrows `self` exclusively.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// As held in another way from now on, which the host has said to.
    fn into<N: Hold>(self) -> Held<'h, N> {
        let Self { attached, token, start, len, .. } = *ManuallyDrop::new(self);
        Held { attached, token, start, len, hold: PhantomData }
    }

    /// Not dropped: the host has said that it isn't this guest's any more, or it is never to end.
    pub(crate) fn forget(self) -> Token {
        ManuallyDrop::new(self).token
    }
}

impl<'h> Held<'h, Owned> {
    /// A new block of `len` zero bytes.
    pub(crate) fn alloc(attached: &'h Attached, len: usize, align: usize) -> Result<Self> {
        let token = wit::alloc(attached.heap(), len as u64, align as u64)?.into();
        // SAFETY: the block is new.
        unsafe { Self::new(attached, token) }
    }

    /// A block that was given away.
    pub(crate) fn take(attached: &'h Attached, token: Token, fits: Fits) -> Result<Self> {
        fits(attached.place(token)?)?;
        wit::take(token.into())?;
        // SAFETY: the host gives a block to one guest, and only if it is nobody's.
        unsafe { Self::new(attached, token) }
    }

    /// The next block of a queue, within `timeout` nanoseconds.
    pub(crate) fn receive(attached: &'h Attached, queue: u32, timeout: u64) -> Result<Self> {
        let token = wit::receive(attached.heap(), queue, timeout)?.into();
        // SAFETY: the host takes a block out of a queue once, and it was nobody's there.
        unsafe { Self::new(attached, token) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `self` is borrowed exclusively, and is the only way to them.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// Others may read it.
    pub(crate) fn share(self) -> Result<Held<'h, Shared>, (Self, Error)> {
        match wit::share(self.token.into()) {
            Ok(()) => Ok(self.into()),
            Err(error) => Err((self, error.into())),
        }
    }

    /// It is nobody's from now on.
    pub(crate) fn give(self) -> Result<Token, (Self, Error)> {
        match wit::give(self.token.into()) {
            Ok(()) => Ok(self.forget()),
            Err(error) => Err((self, error.into())),
        }
    }

    /// It is whose who receives it from the queue.
    pub(crate) fn send(self, queue: u32) -> Result<(), (Self, Error)> {
        match wit::send(self.attached.heap(), queue, self.token.into()) {
            Ok(()) => {
                self.forget();
                Ok(())
            }
            Err(error) => Err((self, error.into())),
        }
    }
}

impl<'h> Held<'h, Shared> {
    /// A block that this guest was handed by one that ended. It may be shared.
    pub(crate) fn inherit(attached: &'h Attached) -> Result<Self> {
        let token = wit::inherit(attached.heap())?.into();
        // SAFETY: the host tells of each block that is handed on once; this guest owns it, and so may read it.
        unsafe { Self::new(attached, token) }
    }

    /// Others may not read it any more, and nobody does.
    pub(crate) fn unshare(self) -> Result<Held<'h, Owned>, (Self, Error)> {
        match wit::unshare(self.token.into()) {
            Ok(()) => Ok(self.into()),
            Err(error) => Err((self, error.into())),
        }
    }
}

impl<'h> Held<'h, Reading> {
    /// A block that another guest shares.
    pub(crate) fn resolve(attached: &'h Attached, token: Token, fits: Fits) -> Result<Self> {
        fits(attached.place(token)?)?;
        wit::resolve(token.into())?;
        // SAFETY: the host lets an instance begin to read a block once, until it has released it, and the owner doesn't write it until then.
        unsafe { Self::new(attached, token) }
    }
}

impl<S: Hold> Held<'_, S> {
    /// Ends it, and tells how that went.
    pub(crate) fn end(self) -> Result<(), (Self, Error)> {
        match S::end(self.token) {
            Ok(()) => {
                self.forget();
                Ok(())
            }
            Err(error) => Err((self, error)),
        }
    }
}

impl<S: Hold> Drop for Held<'_, S> {
    fn drop(&mut self) {
        // An error goes to the host's log.
        let _ended = S::end(self.token);
    }
}

/// Whether a block of so many bytes there can be what it is taken for.
pub(crate) type Fits = fn((NonNull<u8>, usize)) -> Result<()>;
