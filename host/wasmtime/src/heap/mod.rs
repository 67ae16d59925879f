//! Shared heaps: what guests' calls do. Component linkers, core linkers and embedders come to it from the files beside this one.

pub(crate) mod component;
#[cfg(feature = "std")]
pub(crate) mod core_linker;
mod publish;

pub(crate) use publish::{Planned, publish};

use alloc::sync::Arc;

use memctl_core::{Error, HeapId, HeapStatus, InstanceId, Protection, Received, ReceiverId, Shown, Token, Woken};
use wasmtime::Engine;

use crate::attachment::Attachment;
use crate::bell::Bell;
use crate::calls::Answer;
use crate::domain::Shared;
use crate::guest::Guest;
use crate::mmu::Reservation;
use crate::mover::Mover;
use crate::place::Place;
use crate::waiting::{Deadline, Pace, until};
use crate::window::Number;

/// A call on a block that answers nothing.
#[derive(Clone, Copy)]
pub(crate) struct OnBlock {
    pub(crate) name: &'static str,
    pub(crate) call: &'static str,
    pub(crate) act: Act,
}

type Act = fn(&mut memctl_core::Domain, &mut Mover<'_>, InstanceId, Token) -> Result<(), Error>;

impl Guest {
    pub(crate) fn open_heap(&self, name: &str) -> Answer<u64> {
        self.ask("heap.open", None, |rules, _, caller| Ok(rules.open_heap(caller, name)?.to_bits()))
    }

    pub(crate) fn heap_status(&self, heap: u64) -> Answer<HeapStatus> {
        self.ask("heap.status", None, |rules, _, caller| rules.heap_status(caller, HeapId::from_bits(heap)))
    }

    pub(crate) fn heap_member(&self, heap: u64, index: u32) -> Answer<(u64, u64)> {
        self.ask("heap.member", None, |rules, _, caller| {
            rules.check_any_right(caller, HeapId::from_bits(heap))?;
            let (member, start) = rules.heap_member(HeapId::from_bits(heap), index)?;
            Ok((member.to_bits(), start))
        })
    }

    pub(crate) fn attach_heap(
        &self,
        engine: &Engine,
        heap: u64,
        memory: Option<Arc<Reservation>>,
        number: Number,
        start: u64,
        protection: Protection,
    ) -> Answer<()> {
        const CALL: &str = "heap.attach";
        let window = self.window(engine, memory, number).map_err(|error| self.refuse(CALL, &error))?;
        let heap = HeapId::from_bits(heap);
        let place = Place::Known(window.clone());
        let memory = place.memory(self.instance);
        let pages = self.ask(CALL, Some(place), |rules, mover, caller| {
            mover.adopt_declared(rules, caller, memory.id)?;
            rules.attach_heap(mover, caller, heap, memory, start, protection)?;
            let (first, _) = rules.heap_member(heap, 0)?;
            Ok(rules.attached_as(caller, first) != Some(Shown::Copy) || protection != Protection::ReadWrite)
        })?;
        if pages {
            self.watch(&window);
        }
        Ok(())
    }

    pub(crate) fn detach_heap(&self, heap: u64) -> Answer<()> {
        self.ask("heap.detach", None, |rules, mover, caller| rules.detach_heap(mover, caller, HeapId::from_bits(heap)))
    }

    /// One call about a block, which moves bytes between the heap and the caller's own window only.
    fn ask_block<R>(
        &self,
        call: &'static str,
        then: impl FnOnce(&mut memctl_core::Domain, &mut Mover<'_>, InstanceId) -> Result<R, Error>,
    ) -> Answer<R> {
        let instance = self.instance;
        let answer = self.shared.call_beside(self.attachment(), |rules, mover| then(rules, mover, instance));
        answer.map_err(|error| self.refuse(call, &error))
    }

    pub(crate) fn alloc_block(&self, heap: u64, len: u64, align: u64) -> Answer<Token> {
        const CALL: &str = "heap.alloc";
        let heap = HeapId::from_bits(heap);
        let quickly = self.ask_block(CALL, |rules, mover, caller| {
            let quick = rules.allocates_as_it_is(heap, (len, align));
            quick.then(|| rules.alloc_block(mover, caller, heap, (len, align))).transpose()
        })?;
        match quickly {
            Some(token) => Ok(token),
            // Others' windows follow a heap that grows.
            None => self.ask(CALL, None, |rules, mover, caller| rules.alloc_block(mover, caller, heap, (len, align))),
        }
    }

    pub(crate) fn on_block(&self, call: &'static str, token: Token, act: Act) -> Answer<()> {
        self.ask_block(call, |rules, mover, caller| act(rules, mover, caller, token))
    }

    pub(crate) fn send_block(&self, heap: u64, queue: u32, token: Token) -> Answer<()> {
        self.ask_block("heap.send", |rules, mover, caller| {
            rules.send_block(mover, caller, HeapId::from_bits(heap), queue, token)
        })
    }

    pub(crate) fn inherit_block(&self, heap: u64) -> Answer<Token> {
        self.ask("heap.inherit", None, |rules, mover, caller| {
            rules.inherit_block(mover, caller, HeapId::from_bits(heap))
        })
    }

    /// The block that is first in a queue, or a place among those who wait for one.
    pub(crate) fn receive_or_wait(&self, heap: u64, queue: u32) -> Answer<Delivery> {
        self.ask_block(RECEIVE, |rules, mover, caller| {
            Ok(match rules.receive_or_wait(mover, caller, HeapId::from_bits(heap), queue)? {
                Received::Block(token) => Delivery::Block(token),
                Received::Waits(id) => {
                    let bell = Arc::<Bell>::default();
                    mover.bells.insert(Woken::Receiver(id), bell.clone());
                    let shared = self.shared.clone();
                    Delivery::Waits(Awaited { shared, caller, attachment: self.attachment(), id, bell })
                }
            })
        })
    }

    /// [`Guest::receive_or_wait`], and the wait.
    pub(crate) async fn receive_block(
        &self,
        heap: u64,
        queue: u32,
        deadline: Option<Deadline>,
        pace: Pace,
    ) -> Answer<Token> {
        match self.receive_or_wait(heap, queue)? {
            Delivery::Block(token) => Ok(token),
            Delivery::Waits(awaited) => {
                until(&awaited.bell, deadline, pace).await;
                awaited.collect().map_err(|error| self.refuse(RECEIVE, &error))
            }
        }
    }
}

const RECEIVE: &str = "heap.receive";

/// Declares calls on a block that answer nothing, and the list of them.
macro_rules! on_blocks {
    ($($constant:ident = $name:literal: $act:ident),* $(,)?) => {
        $(pub(crate) const $constant: OnBlock = OnBlock {
            name: $name,
            call: concat!("heap.", $name),
            act: |rules, mover, caller, token| rules.$act(mover, caller, token),
        };)*

        /// All of them.
        #[cfg(feature = "std")]
        pub(crate) const ON_BLOCKS: &[OnBlock] = &[$($constant),*];
    };
}

on_blocks! {
    FREE = "free": free_block,
    SHARE = "share": share_block,
    UNSHARE = "unshare": unshare_block,
    GIVE = "give": give_block,
    TAKE = "take": take_block,
    RESOLVE = "resolve": resolve_block,
    RELEASE = "release": release_block,
}

/// What became of a block that was asked for.
pub(crate) enum Delivery {
    Block(Token),
    Waits(Awaited),
}

/// A place among those who wait for a block, given up when dropped.
pub(crate) struct Awaited {
    shared: Arc<Shared>,
    caller: InstanceId,
    attachment: Attachment,
    id: ReceiverId,
    bell: Arc<Bell>,
}

impl Awaited {
    /// The block, if it is there.
    fn collect(self) -> Result<Token, Error> {
        self.shared.call(None, self.attachment, |rules, mover| {
            rules.collect_block(mover, self.caller, self.id)?.ok_or(Error::TimedOut { start: 0, end: u64::MAX })
        })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.shared.call(None, self.attachment, |rules, mover| {
            // Nothing, if it was collected.
            rules.stop_receiving(self.caller, self.id);
            mover.bells.remove(&Woken::Receiver(self.id));
        });
    }
}
