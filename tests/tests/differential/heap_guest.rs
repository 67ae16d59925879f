//! One guest of the interface `heap` in a store of its own, called so that it can be left inside a call that waits.

use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use memctl_core::Code;
use memctl_model::Range;
use memctl_tests::State;
use wasmtime::Store;

use crate::wire;

pub(crate) mod bindings {
    //! The exports of the guest, to be called with `call_async`.

    wasmtime::component::bindgen!({
        path: ["../wit", "guests/heap/wit"],
        world: "memctl:heap-guest/guest",
        exports: { default: async },
        with: {
            "wasi:memory-control/types": crate::guest::bindings::wasi::memory_control::types,
        },
    });
}

use bindings::exports::memctl::heap_guest::raw;
pub(crate) use bindings::wasi::memory_control::heap::Token;
use bindings::wasi::memory_control::types::ErrorCode;

/// What a call of the wire answered.
pub(crate) type Answer<T> = Result<T, Code>;

/// A call that waits for a block. It has the guest until it returns.
pub(crate) type Receiving = Pin<Box<dyn Future<Output = (Box<HeapGuest>, Answer<Token>)>>>;

/// One guest.
pub(crate) struct HeapGuest {
    pub(crate) store: Store<State>,
    pub(crate) bindings: bindings::Guest,
}

/// What a future that does not wait gives.
pub(crate) fn now<R>(future: impl Future<Output = R>) -> R {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing here waits"),
    }
}

impl HeapGuest {
    /// Makes a call that returns at once.
    pub(crate) fn raw<R>(
        &mut self,
        call: impl AsyncFnOnce(&raw::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> R {
        now(call(self.bindings.memctl_heap_guest_raw(), &mut self.store)).expect("nothing here traps")
    }

    /// [`HeapGuest::raw`], of what can be refused.
    pub(crate) fn ask<R>(
        &mut self,
        call: impl AsyncFnOnce(&raw::Guest, &mut Store<State>) -> wasmtime::Result<Result<R, ErrorCode>>,
    ) -> Answer<R> {
        self.raw(call).map_err(wire::code)
    }

    /// Asks for a block, and waits until there is one.
    pub(crate) fn receive(mut self: Box<Self>, heap: u64, queue: u32) -> Receiving {
        Box::pin(async move {
            let raw = self.bindings.memctl_heap_guest_raw();
            let received = raw.call_receive(&mut self.store, heap, queue, u64::MAX).await.expect("nothing here traps");
            (self, received.map_err(wire::code))
        })
    }

    pub(crate) fn load(&mut self, (start, len): Range) -> Vec<u8> {
        let (start, len) = (small(start), small(len));
        self.raw(async |raw, store| raw.call_read(store, start, len).await)
    }

    pub(crate) fn fill(&mut self, (start, len): Range, value: u8) {
        let (start, len) = (small(start), small(len));
        self.raw(async |raw, store| raw.call_fill(store, start, len, value).await);
    }
}

/// A number that has 32 bits in this guest.
fn small(number: u64) -> u32 {
    u32::try_from(number).expect("an address of 32 bits")
}

/// Where a guest is.
pub(crate) enum Seat {
    Here(Box<HeapGuest>),
    /// Inside a call that waits; the number is the wait's.
    Waits(usize, Receiving),
    /// On its way.
    Empty,
}

/// Whose waker was called.
#[derive(Default)]
pub(crate) struct Rung(Mutex<BTreeSet<usize>>);

struct Bell(usize, Arc<Rung>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.1.ring(self.0);
    }
}

impl Rung {
    pub(crate) fn waker(self: &Arc<Self>, wait: usize) -> Waker {
        Waker::from(Arc::new(Bell(wait, self.clone())))
    }

    /// All of them since the last time, in order.
    pub(crate) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    pub(crate) fn ring(&self, wait: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(wait);
    }
}
