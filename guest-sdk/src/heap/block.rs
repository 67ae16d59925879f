//! Blocks of a heap: owned, shared, or read.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use super::{Shape, Token};
use crate::bindings::heap as wit;
use crate::sys::Held;
use crate::{Error, Result};

/// A block of a heap, taken for a value of type `T`: bytes unless said otherwise.
///
/// What this guest may do with it is part of the type: [`Owned`], it may read and write it; [`Shared`], all guests may read it; [`Reading`], another guest shares it.
/// What gives the block away takes it by value, so that it can't be used afterwards. Dropping it frees an owned block, and ends reading one that isn't.
///
/// ```no_run
/// use memctl_guest::heap::Heap;
///
/// let heap = Heap::open("frames")?.attach()?;
/// let mut frame = heap.slice::<u32>(1024)?;
/// frame[0] = 7;
/// let token = frame.give()?;
/// // … the token goes to another guest, which has the same bytes in `heap.take::<[u32]>(token)?` …
/// # let _ = token;
/// # Ok::<(), memctl_guest::Error>(())
/// ```
#[must_use = "the block is freed, or the right to read it given back, when it is dropped"]
pub struct Block<'h, T: Shape + ?Sized = [u8], S: Hold = Owned> {
    // Invariant: it fits `T`.
    held: Held<'h, S>,
    shape: PhantomData<fn() -> *const T>,
}

/// One value in a block.
pub type SharedBox<'h, T, S = Owned> = Block<'h, T, S>;

/// Values in a block, one behind the other.
pub type SharedSlice<'h, T, S = Owned> = Block<'h, [T], S>;

/// This guest owns the block, and may write it. Dropping it frees it.
#[derive(Debug)]
pub enum Owned {}

/// This guest owns the block, and all guests may read it. Dropping it frees it, or if somebody reads it at that moment, does nothing: it stays this guest's until that ends.
#[derive(Debug)]
pub enum Shared {}

/// Another guest owns the block and shares it. Dropping it lets the owner go on.
#[derive(Debug)]
pub enum Reading {}

/// What this guest may do with a block: [`Owned`], [`Shared`] or [`Reading`].
pub trait Hold: sealed::Hold {
    /// What dropping it does.
    #[doc(hidden)]
    fn end(token: Token) -> Result<()>;
}

mod sealed {
    pub trait Hold {}
    impl Hold for super::Owned {}
    impl Hold for super::Shared {}
    impl Hold for super::Reading {}
}

impl Hold for Owned {
    fn end(token: Token) -> Result<()> {
        Ok(wit::free(token.into())?)
    }
}

impl Hold for Shared {
    fn end(token: Token) -> Result<()> {
        Ok(wit::free(token.into())?)
    }
}

impl Hold for Reading {
    fn end(token: Token) -> Result<()> {
        Ok(wit::release(token.into())?)
    }
}

/// A block that a refused call would have consumed, and the reason. `?` turns it into the [`enum@Error`], and drops the block.
pub struct Kept<B> {
    /// The block, as it was.
    pub block: B,
    /// Why.
    pub error: Error,
}

impl<B> From<Kept<B>> for Error {
    fn from(kept: Kept<B>) -> Self {
        kept.error
    }
}

impl<B> fmt::Debug for Kept<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<B> fmt::Display for Kept<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<B> core::error::Error for Kept<B> {}

impl<'h, T: Shape + ?Sized, S: Hold> Block<'h, T, S> {
    /// The block, if it can be a `T`.
    ///
    /// # Errors
    /// [`Error::Bounds`], [`Error::Alignment`], and it.
    pub(super) fn new(held: Held<'h, S>) -> Result<Self, (Held<'h, S>, Error)> {
        let bytes = held.bytes();
        match T::fits((core::ptr::NonNull::from(bytes).cast(), bytes.len())) {
            Ok(()) => Ok(Self::kept(held)),
            Err(error) => Err((held, error)),
        }
    }

    fn kept(held: Held<'h, S>) -> Self {
        Self { held, shape: PhantomData }
    }

    fn back((held, error): (Held<'h, S>, Error)) -> Kept<Self> {
        Kept { block: Self::kept(held), error }
    }

    /// The block's name, to be sent to other guests.
    #[must_use]
    pub fn token(&self) -> Token {
        self.held.token()
    }

    /// All bytes of the block.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.held.bytes()
    }

    /// The same block, taken for something else.
    ///
    /// # Errors
    /// The block, and [`Error::Bounds`] or [`Error::Alignment`] if it can't be that.
    pub fn cast<U: Shape + ?Sized>(self) -> Result<Block<'h, U, S>, Kept<Self>> {
        Block::new(self.held).map_err(Self::back)
    }

    /// Ends it, as dropping it does, and tells how that went.
    ///
    /// # Errors
    /// The block, and [`Error::Busy`] if it is shared and somebody reads it; [`Error::Stale`].
    pub fn release(self) -> Result<(), Kept<Self>> {
        self.held.end().map_err(Self::back)
    }

    /// The block stays as it is for as long as this guest lives, by this name: for what is shared for good, and for code that calls the interface itself.
    #[must_use = "only the token is left of the block"]
    pub fn into_token(self) -> Token {
        self.held.forget()
    }
}

impl<'h, T: Shape + ?Sized> Block<'h, T> {
    /// Lets other guests read the block, by [`HeapReader::resolve`](super::HeapReader::resolve). This one can't write it until it takes that back.
    ///
    /// # Errors
    /// The block, and [`Error::Io`] if what was written could not be stored.
    pub fn share(self) -> Result<Block<'h, T, Shared>, Kept<Self>> {
        self.held.share().map(Block::kept).map_err(Self::back)
    }

    /// Gives the block away, to whoever is the first to [`take`](super::Heap::take) it.
    ///
    /// # Errors
    /// The block, and [`Error::Io`] if what was written could not be stored.
    pub fn give(self) -> Result<Token, Kept<Self>> {
        self.held.give().map_err(Self::back)
    }

    pub(super) fn send(self, queue: u32) -> Result<(), Kept<Self>> {
        self.held.send(queue).map_err(Self::back)
    }

    /// All bytes of the block.
    #[must_use]
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        self.held.bytes_mut()
    }
}

impl<'h, T: Shape + ?Sized> Block<'h, T, Shared> {
    /// Lets nobody else read the block any more.
    ///
    /// # Errors
    /// The block, and [`Error::Busy`] while somebody reads it.
    pub fn unshare(self) -> Result<Block<'h, T>, Kept<Self>> {
        self.held.unshare().map(Block::kept).map_err(Self::back)
    }
}

impl<T: Shape + ?Sized, S: Hold> Deref for Block<'_, T, S> {
    type Target = T;

    fn deref(&self) -> &T {
        T::of(self.held.bytes())
    }
}

impl<T: Shape + ?Sized> DerefMut for Block<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        T::of_mut(self.held.bytes_mut())
    }
}

impl<T: Shape + ?Sized, S: Hold> fmt::Debug for Block<'_, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("token", &self.token()).finish_non_exhaustive()
    }
}
