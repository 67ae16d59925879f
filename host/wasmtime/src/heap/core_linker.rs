//! Interface `heap` for core modules.

use memctl_core::Token;
use wasmtime::{Caller, Linker, Result};

use super::{ON_BLOCKS, OnBlock};
use crate::MemctlCtx;
use crate::calls::Answer;
use crate::component::interface;
use crate::core_linker::{Call, case};
use crate::waiting::{Pace, block_on, deadline_of_guest};
use crate::wire::Protection;

/// A record `token`, flattened.
type Flat = (i64, i64, i64, i64);

fn token((heap, offset, len, generation): Flat) -> Token {
    let [heap, offset, len, generation] = [heap, offset, len, generation].map(i64::cast_unsigned);
    Token { heap, offset, len, generation }
}

/// `result<token, error-code>`: the discriminant, and 8 bytes after its start the record or the code.
fn put_token<T: 'static>(call: &mut Call<'_, '_, T>, to: i32, answer: Answer<Token>) -> Result<()> {
    call.put_numbers::<5>(to, answer.map(|token| [token.heap, token.offset, token.len, token.generation]))
}

/// All calls but those that wait.
pub(crate) fn add_to_core_linker<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let module = interface!("heap");
    linker.func_wrap(module, "open", move |mut caller: Caller<'_, T>, name: i32, len: i32, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let name = String::from_utf8(call.bytes(name, len.cast_unsigned() as usize)?.to_vec())?;
        let heap = call.guest().open_heap(&name);
        call.put_u64(to, heap)
    })?;
    linker.func_wrap(module, "status", move |mut caller: Caller<'_, T>, heap: i64, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let status = call.guest().heap_status(heap.cast_unsigned());
        call.put_numbers::<7>(
            to,
            status.map(|status| {
                let counts = u64::from(status.queues) << 32 | u64::from(status.blocks);
                let rights = status.rights.bits().into();
                [rights, status.len, status.max_len, status.free, status.largest_free, counts]
            }),
        )
    })?;
    linker.func_wrap(module, "member", move |mut caller: Caller<'_, T>, heap: i64, index: i32, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let member = call.guest().heap_member(heap.cast_unsigned(), index.cast_unsigned());
        call.put_numbers::<3>(to, member.map(|(heap, start)| [heap, start]))
    })?;
    linker.func_wrap(
        module,
        "attach",
        move |mut caller: Caller<'_, T>,
              heap: i64,
              _: i32,
              _: i32,
              window: i32,
              start: i64,
              protection: i32,
              to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let protection = case(Protection::from_number(protection.cast_unsigned()))?;
            call.check_unit(to)?;
            let memory = call.known_memory();
            let (heap, window, start) = (heap.cast_unsigned(), window.cast_unsigned(), start.cast_unsigned());
            let attached =
                call.guest().attach_heap(call.caller.engine(), heap, memory, window, start, protection.into());
            call.put_unit(to, attached)
        },
    )?;
    linker.func_wrap(module, "detach", move |mut caller: Caller<'_, T>, heap: i64, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        call.check_unit(to)?;
        let detached = call.guest().detach_heap(heap.cast_unsigned());
        call.put_unit(to, detached)
    })?;
    linker.func_wrap(module, "alloc", move |mut caller: Caller<'_, T>, heap: i64, len: i64, align: i64, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        call.result::<40>(to, 8)?;
        let [heap, len, align] = [heap, len, align].map(i64::cast_unsigned);
        let block = call.guest().alloc_block(heap, len, align);
        put_token(&mut call, to, block)
    })?;
    for &OnBlock { name, call: what, act } in ON_BLOCKS {
        let act = move |mut caller: Caller<'_, T>, a: i64, b: i64, c: i64, d: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            call.check_unit(to)?;
            let done = call.guest().on_block(what, token((a, b, c, d)), act);
            call.put_unit(to, done)
        };
        linker.func_wrap(module, name, act)?;
    }
    linker.func_wrap(
        module,
        "send",
        move |mut caller: Caller<'_, T>, heap: i64, queue: i32, a: i64, b: i64, c: i64, d: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            call.check_unit(to)?;
            let sent = call.guest().send_block(heap.cast_unsigned(), queue.cast_unsigned(), token((a, b, c, d)));
            call.put_unit(to, sent)
        },
    )?;
    linker.func_wrap(module, "inherit", move |mut caller: Caller<'_, T>, heap: i64, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        call.result::<40>(to, 8)?;
        let block = call.guest().inherit_block(heap.cast_unsigned());
        put_token(&mut call, to, block)
    })?;
    Ok(())
}

type Receive = (i64, i32, i64, i32);
const RECEIVE: &str = "receive";

pub(crate) fn add_receive_sync<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let receive = move |mut caller: Caller<'_, T>, heap: i64, queue: i32, timeout: i64, to: i32| {
        block_on(receive(&mut caller, ctx, (heap, queue, timeout, to), Pace::Blocking))
    };
    linker.func_wrap(interface!("heap"), RECEIVE, receive)?;
    Ok(())
}

pub(crate) fn add_receive_async<T: Send + 'static>(
    linker: &mut Linker<T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
) -> Result<()> {
    linker.func_wrap_async(interface!("heap"), RECEIVE, move |mut caller: Caller<'_, T>, params: Receive| {
        Box::new(async move { receive(&mut caller, ctx, params, Pace::Async).await })
    })?;
    Ok(())
}

async fn receive<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
    (heap, queue, timeout, to): Receive,
    pace: Pace,
) -> Result<()> {
    let deadline = deadline_of_guest(timeout.cast_unsigned());
    let mut call = Call::new(caller, ctx)?;
    call.result::<40>(to, 8)?;
    let guest = call.guest();
    let received = guest.receive_block(heap.cast_unsigned(), queue.cast_unsigned(), deadline, pace).await;
    put_token(&mut call, to, received)
}
