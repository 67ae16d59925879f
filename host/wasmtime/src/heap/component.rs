//! Interface `heap` in a component linker.

use alloc::string::String;

use memctl_core as rules;
#[cfg(feature = "std")]
use wasmtime::component::Linker;
use wasmtime::component::{ComponentType, Lift, Lower, WasmList, flags};
use wasmtime::{Result, StoreContextMut};

use super::ON_BLOCKS;
use crate::MemctlView;
use crate::chosen::Chosen;
use crate::component::{Wire, answer, guest, interface};
use crate::waiting::{Pace, block_on, deadline_of_guest};
use crate::window::memory_of;
use crate::wire::Protection;

flags! {
    Rights {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "allocate")]
        const ALLOCATE;
    }
}

/// The name of a block.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(record)]
struct Token {
    heap: u64,
    offset: u64,
    len: u64,
    generation: u64,
}

impl From<Token> for rules::Token {
    fn from(Token { heap, offset, len, generation }: Token) -> Self {
        Self { heap, offset, len, generation }
    }
}

impl From<rules::Token> for Token {
    fn from(rules::Token { heap, offset, len, generation }: rules::Token) -> Self {
        Self { heap, offset, len, generation }
    }
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Status {
    rights: Rights,
    len: u64,
    #[component(name = "max-len")]
    max_len: u64,
    free: u64,
    #[component(name = "largest-free")]
    largest_free: u64,
    blocks: u32,
    queues: u32,
}

impl From<rules::HeapStatus> for Status {
    fn from(status: rules::HeapStatus) -> Self {
        let rules::HeapStatus { rights: has, len, max_len, free, largest_free, blocks, queues } = status;
        let mut rights = Rights::default();
        for (right, bit) in [
            (Rights::READ, rules::HeapRights::READ),
            (Rights::WRITE, rules::HeapRights::WRITE),
            (Rights::ALLOCATE, rules::HeapRights::ALLOCATE),
        ] {
            if has.contains(bit) {
                rights |= right;
            }
        }
        Self { rights, len, max_len, free, largest_free, blocks, queues }
    }
}

#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
struct Member {
    heap: u64,
    start: u64,
}

type Attach = (u64, WasmList<u8>, u32, u64, Protection);
type Receive = (u64, u32, u64);

/// All calls but those that wait.
pub(crate) fn add_to_linker<T: MemctlView + 'static>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut heap = linker.instance(interface!("heap"))?;
    heap.func_wrap("open", |mut store: StoreContextMut<'_, T>, (name,): (String,)| {
        answer(guest::<T>(&mut store).open_heap(&name))
    })?;
    heap.func_wrap("status", |mut store: StoreContextMut<'_, T>, (heap,): (u64,)| {
        answer(guest::<T>(&mut store).heap_status(heap).map(Status::from))
    })?;
    heap.func_wrap("member", |mut store: StoreContextMut<'_, T>, (heap, index): (u64, u32)| {
        answer(guest::<T>(&mut store).heap_member(heap, index).map(|(heap, start)| Member { heap, start }))
    })?;
    heap.func_wrap("attach", |mut store, (heap, memory, window, start, protection): Attach| -> Result<(Wire<()>,)> {
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        answer(guest.attach_heap(store.engine(), heap, memory, window, start, protection.into()))
    })?;
    heap.func_wrap("detach", |mut store: StoreContextMut<'_, T>, (heap,): (u64,)| {
        answer(guest::<T>(&mut store).detach_heap(heap))
    })?;
    heap.func_wrap("alloc", |mut store: StoreContextMut<'_, T>, (heap, len, align): (u64, u64, u64)| {
        answer(guest::<T>(&mut store).alloc_block(heap, len, align).map(Token::from))
    })?;
    for (name, call, act) in ON_BLOCKS {
        heap.func_wrap(name, move |mut store: StoreContextMut<'_, T>, (block,): (Token,)| {
            answer(guest::<T>(&mut store).on_block(call, block.into(), act))
        })?;
    }
    heap.func_wrap("send", |mut store: StoreContextMut<'_, T>, (heap, queue, block): (u64, u32, Token)| {
        answer(guest::<T>(&mut store).send_block(heap, queue, block.into()))
    })?;
    heap.func_wrap("inherit", |mut store: StoreContextMut<'_, T>, (heap,): (u64,)| {
        answer(guest::<T>(&mut store).inherit_block(heap).map(Token::from))
    })
}

pub(crate) fn add_receive_sync<T: MemctlView + 'static>(linker: &mut Chosen<'_, T>) -> Result<()> {
    linker.instance(interface!("heap"))?.func_wrap("receive", |mut store: StoreContextMut<'_, T>, params: Receive| {
        block_on(receive(&mut store, params, Pace::Blocking))
    })
}

#[cfg(feature = "std")]
pub(crate) fn add_receive_async<T: MemctlView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    let mut heap = linker.instance(interface!("heap"))?;
    heap.func_wrap_async("receive", |mut store: StoreContextMut<'_, T>, params: Receive| {
        Box::new(async move { receive(&mut store, params, Pace::Async).await })
    })
}

async fn receive<T: MemctlView + 'static>(
    store: &mut StoreContextMut<'_, T>,
    (heap, queue, timeout): Receive,
    pace: Pace,
) -> Result<(Wire<Token>,)> {
    let deadline = deadline_of_guest(timeout);
    let guest = guest(store);
    answer(guest.receive_block(heap, queue, deadline, pace).await.map(Token::from))
}
