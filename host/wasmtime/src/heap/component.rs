//! Interface `heap` in a component linker.

use alloc::string::String;

use memctl_core as rules;
#[cfg(feature = "std")]
use wasmtime::component::Linker;
use wasmtime::component::{ComponentType, Lift, Lower, WasmList, flags};
use wasmtime::{Result, StoreContextMut};

use super::{FREE, GIVE, OnBlock, RELEASE, RESOLVE, SHARE, TAKE, UNSHARE};
use crate::MemctlView;
use crate::chosen::{Chosen, Functions, define};
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
pub(crate) fn add_to_linker<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut heap = linker.instance(interface!("heap"))?;
    define!(heap, F, "heap", "open", |mut store: StoreContextMut<'_, T>, (name,): (String,)| {
        answer(guest::<T>(&mut store).open_heap(&name))
    });
    define!(heap, F, "heap", "status", |mut store: StoreContextMut<'_, T>, (heap,): (u64,)| {
        answer(guest::<T>(&mut store).heap_status(heap).map(Status::from))
    });
    define!(heap, F, "heap", "member", |mut store: StoreContextMut<'_, T>, (heap, index): (u64, u32)| {
        answer(guest::<T>(&mut store).heap_member(heap, index).map(|(heap, start)| Member { heap, start }))
    });
    define!(heap, F, "heap", "attach", |mut store,
                                        (heap, memory, window, start, protection): Attach|
     -> Result<(Wire<()>,)> {
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        answer(guest.attach_heap(store.engine(), heap, memory, window, start, protection.into()))
    });
    define!(heap, F, "heap", "detach", |mut store: StoreContextMut<'_, T>, (heap,): (u64,)| {
        answer(guest::<T>(&mut store).detach_heap(heap))
    });
    define!(heap, F, "heap", "alloc", |mut store: StoreContextMut<'_, T>, (heap, len, align): (u64, u64, u64)| {
        answer(guest::<T>(&mut store).alloc_block(heap, len, align).map(Token::from))
    });
    define!(heap, F, "heap", FREE.name, on_block(FREE));
    define!(heap, F, "heap", SHARE.name, on_block(SHARE));
    define!(heap, F, "heap", UNSHARE.name, on_block(UNSHARE));
    define!(heap, F, "heap", GIVE.name, on_block(GIVE));
    define!(heap, F, "heap", TAKE.name, on_block(TAKE));
    define!(heap, F, "heap", RESOLVE.name, on_block(RESOLVE));
    define!(heap, F, "heap", RELEASE.name, on_block(RELEASE));
    define!(heap, F, "heap", "send", |mut store: StoreContextMut<'_, T>, (heap, queue, block): (u64, u32, Token)| {
        answer(guest::<T>(&mut store).send_block(heap, queue, block.into()))
    });
    define!(heap, F, "heap", "inherit", |mut store: StoreContextMut<'_, T>, (heap,): (u64,)| {
        answer(guest::<T>(&mut store).inherit_block(heap).map(Token::from))
    });
    Ok(())
}

/// The function for a call on a block.
fn on_block<T: MemctlView + 'static>(
    OnBlock { call, act, .. }: OnBlock,
) -> impl Fn(StoreContextMut<'_, T>, (Token,)) -> Result<(Wire<()>,)> + Send + Sync + 'static {
    move |mut store, (block,)| answer(guest::<T>(&mut store).on_block(call, block.into(), act))
}

pub(crate) fn add_receive_sync<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut heap = linker.instance(interface!("heap"))?;
    define!(heap, F, "heap", "receive", |mut store: StoreContextMut<'_, T>, params: Receive| {
        block_on(receive(&mut store, params, Pace::Blocking))
    });
    Ok(())
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
