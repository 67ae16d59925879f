//! `wasi:memory-control` for core modules: the functions that wit-bindgen imports, under their canonical-ABI names.
//!
//! A guest module that was not made into a component imports these as it is. Handles live in the context, results of more than
//! one value are written where the guest points, and the guest's memory is what it exports as `memory`.
//! See the [canonical ABI](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md), "Flattening".

mod call;
mod protection;
mod window;

use memctl_core::{Code, MapOptions, MappingId, PastEnd, Populate};
use wasmtime::{Caller, Linker, Result, format_err};

use crate::MemctlCtx;
use crate::calls::Claim;
use crate::component::interface;
use crate::guest::Guest;
use crate::handles::Handle;
use crate::place::Place;
use crate::waiting::{Pace, Wanted, block_on, deadline_of_guest};
use crate::wire::{self, Access, Capabilities, Coherence, Protection, Sharing};
pub(crate) use call::Call;

/// Adds every interface that needs no filesystem to a core linker, for guests that are called with `call`. `ctx` finds the guest's
/// context in the store's data. A guest that waits for a lease blocks its thread.
///
/// Files can't be mapped by core modules: run them as components for that, as `memctl run` does.
///
/// ```
/// use memctl_wasmtime::{Domain, MemctlCtx, add_to_core_linker_sync, note_faults};
/// use wasmtime::{Config, Engine, Linker, Store};
///
/// let domain = Domain::builder().build()?;
/// let mut config = Config::new();
/// domain.configure(&mut config)?;
/// let engine = Engine::new(&config)?;
/// let mut linker: Linker<MemctlCtx> = Linker::new(&engine);
/// add_to_core_linker_sync(&mut linker, |ctx| ctx)?;
/// let mut store = Store::new(&engine, domain.context().build());
/// let crossing = store.data().crossing(store.engine());
/// store.call_hook(move |_, hook| Ok(crossing(hook)?));
/// note_faults(&mut store);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_core_linker_sync<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    add_all(linker, ctx)?;
    crate::heap::core_linker::add_receive_sync(linker, ctx)?;
    let module = interface!("mapping");
    linker.func_wrap(
        module,
        ACQUIRE_WITHIN,
        move |mut caller: Caller<'_, T>, this, a, b, start, len, access, timeout, to| {
            let params = (this, a, b, start, len, access, timeout, to);
            block_on(acquire_within(&mut caller, ctx, params, Pace::Blocking))
        },
    )?;
    linker.func_wrap(module, UPGRADE, move |mut caller: Caller<'_, T>, this, a, b, start, len, timeout, to| {
        block_on(upgrade(&mut caller, ctx, (this, a, b, start, len, timeout, to), Pace::Blocking))
    })?;
    Ok(())
}

/// As [`add_to_core_linker_sync`], for guests that are called with `call_async`. A guest that waits for a lease is suspended: it needs a
/// tokio runtime with its clock enabled.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_core_linker_async<T: Send + 'static>(
    linker: &mut Linker<T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
) -> Result<()> {
    add_all(linker, ctx)?;
    crate::heap::core_linker::add_receive_async(linker, ctx)?;
    let module = interface!("mapping");
    linker.func_wrap_async(module, ACQUIRE_WITHIN, move |mut caller: Caller<'_, T>, params: AcquireWithin| {
        Box::new(async move { acquire_within(&mut caller, ctx, params, Pace::Async).await })
    })?;
    linker.func_wrap_async(module, UPGRADE, move |mut caller: Caller<'_, T>, params: Upgrade| {
        Box::new(async move { upgrade(&mut caller, ctx, params, Pace::Async).await })
    })?;
    Ok(())
}

const ACQUIRE_WITHIN: &str = "[method]mapping.acquire-within";
const UPGRADE: &str = "[method]lease.upgrade";

type AcquireWithin = (i32, i32, i32, i64, i64, i32, i64, i32);
type Upgrade = (i32, i32, i32, i64, i64, i64, i32);

async fn acquire_within<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
    (this, a, b, start, len, access, timeout, to): AcquireWithin,
    pace: Pace,
) -> Result<()> {
    let deadline = deadline_of_guest(timeout.cast_unsigned());
    let mut call = Call::new(caller, ctx)?;
    let mapping = call.mapping(this)?;
    let access = case(Access::from_number(access.cast_unsigned()))?;
    call.check_handle(to)?;
    let asked = {
        let (guest, place, part) = call.place((a, b, start, len));
        guest.acquire_or_wait(mapping, place, part, access.into(), pace)
    };
    let acquired = match asked {
        Ok(Wanted::Granted(lease)) => Ok(lease),
        Ok(Wanted::Waits(wait)) => {
            wait.until(deadline, pace).await;
            let (guest, place, _) = call.place((a, b, start, len));
            guest.acquired(wait, place)
        }
        Err(code) => Err(code),
    };
    call.put_handle(to, acquired.map(Handle::Lease))
}

async fn upgrade<T: 'static>(
    caller: &mut Caller<'_, T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
    (this, a, b, start, len, timeout, to): Upgrade,
    pace: Pace,
) -> Result<()> {
    let deadline = deadline_of_guest(timeout.cast_unsigned());
    let mut call = Call::new(caller, ctx)?;
    let lease = call.lease(this)?;
    call.check_unit(to)?;
    let asked = {
        let (guest, place, part) = call.place((a, b, start, len));
        guest.upgrade_or_wait(lease, place, part, pace)
    };
    let upgraded = match asked {
        Ok(Wanted::Granted(_)) => Ok(()),
        Ok(Wanted::Waits(wait)) => {
            wait.until(deadline, pace).await;
            let (guest, place, _) = call.place((a, b, start, len));
            guest.upgraded(wait, place)
        }
        Err(code) => Err(code),
    };
    call.put_unit(to, upgraded)
}

fn add_all<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    add_domain(linker, ctx)?;
    add_object(linker, ctx)?;
    add_mapping(linker, ctx)?;
    protection::add_to_core_linker(linker, ctx)?;
    window::add_to_core_linker(linker, ctx)?;
    crate::heap::core_linker::add_to_core_linker(linker, ctx)
}

fn add_domain<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let module = interface!("domain");
    linker.func_wrap(module, "granule", move |mut caller: Caller<'_, T>| {
        let granule = ctx(caller.data_mut()).guest.granule();
        granule.cast_signed()
    })?;
    linker.func_wrap(module, "capabilities-of", move |mut caller: Caller<'_, T>, _: i32, _: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let guest = call.guest();
        let known = call.known_memory();
        let can = wire::capabilities(&guest, known, false);
        // A core module's memory is at hand in every call.
        Ok(wire::bits(can & !Capabilities::WHOLE_WINDOW))
    })?;
    linker.func_wrap(module, "limits", move |mut caller: Caller<'_, T>, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let limits = call.guest().limits();
        call.put_quotas(to, limits)
    })?;
    linker.func_wrap(module, "usage", move |mut caller: Caller<'_, T>, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let usage = call.guest().usage();
        call.put_quotas(to, usage)
    })?;

    let module = interface!("file-ticket");
    linker.func_wrap(module, "issue", move |mut caller: Caller<'_, T>, to: i32| {
        Call::new(&mut caller, ctx)?.put_u64(to, Err(Code::Unsupported))
    })?;
    linker.func_wrap(module, "redeem", move |mut caller: Caller<'_, T>, _ticket: i64, to: i32| {
        Call::new(&mut caller, ctx)?.put_handle(to, Err(Code::Stale))
    })?;
    Ok(())
}

fn add_object<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let module = interface!("object");
    linker.func_wrap(module, "[static]object.anonymous", move |mut caller: Caller<'_, T>, len: i64, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        call.check_handle(to)?;
        let made = call.guest().anonymous(len.cast_unsigned());
        call.put_handle(to, made.map(Handle::Object))
    })?;
    linker.func_wrap(
        module,
        "[static]object.open",
        move |mut caller: Caller<'_, T>, name: i32, len: i32, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let name = String::from_utf8(call.bytes(name, len.cast_unsigned() as usize)?.to_vec())?;
            call.check_handle(to)?;
            let opened = call.guest().open(&name);
            call.put_handle(to, opened.map(Handle::Object))
        },
    )?;
    linker.func_wrap(module, "[method]object.len", move |mut caller: Caller<'_, T>, this: i32, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let object = call.object(this)?;
        let size = call.guest().size(object);
        call.put_u64(to, size)
    })?;
    linker.func_wrap(module, "[method]object.rights", move |mut caller: Caller<'_, T>, this: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let object = call.object(this)?;
        Ok(i32::from(call.guest().rights(object).bits()))
    })?;
    linker.func_wrap(
        module,
        "[method]object.resize",
        move |mut caller: Caller<'_, T>, this: i32, len: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let object = call.object(this)?;
            call.check_unit(to)?;
            let resized = call.guest().resize(object, len.cast_unsigned());
            call.put_unit(to, resized)
        },
    )?;
    linker.func_wrap(module, "[resource-drop]object", move |mut caller: Caller<'_, T>, this: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let object = call.object(this)?;
        let guest = call.guest();
        call.remove(this);
        guest.drop_handle(object);
        Ok(())
    })?;
    Ok(())
}

fn add_mapping<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let module = interface!("mapping");
    let map = move |mut caller: Caller<'_, T>,
                    (list, list_len, start, len, object, offset, protection, sharing, coherence, flags, to): (
        i32,
        i32,
        i64,
        i64,
        i32,
        i64,
        i32,
        i32,
        i32,
        i32,
        i32,
    )| {
        let mut call = Call::new(&mut caller, ctx)?;
        let options = options(offset, [protection, sharing, coherence, flags])?;
        let object = call.object(object)?;
        call.check_handle(to)?;
        let (guest, place, claim) = call.place((list, list_len, start, len));
        let mapped = guest.map(place, claim, object, options);
        call.put_handle(to, mapped.map(Handle::Mapping))
    };
    linker.func_wrap(
        module,
        "[static]mapping.map",
        move |caller: Caller<'_, T>,
              a: i32,
              b: i32,
              c: i64,
              d: i64,
              e: i32,
              f: i64,
              g: i32,
              h: i32,
              i: i32,
              j: i32,
              k: i32| { map(caller, (a, b, c, d, e, f, g, h, i, j, k)) },
    )?;
    type OnPart = fn(&Guest, MappingId, Place<'_>, Claim) -> Result<(), Code>;
    let on_part: [(&str, OnPart); 4] = [
        ("[method]mapping.publish", |guest, id, place, part| guest.publish(id, place, part)),
        ("[method]mapping.refresh", |guest, id, place, part| guest.refresh(id, place, part)),
        ("[method]mapping.sync", |guest, id, place, part| guest.sync(id, place, part)),
        ("[method]mapping.unmap", |guest, id, place, _| guest.unmap(id, place)),
    ];
    for (name, act) in on_part {
        let act = move |mut caller: Caller<'_, T>, this: i32, a: i32, b: i32, start: i64, len: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let mapping = call.mapping(this)?;
            call.check_unit(to)?;
            let (guest, place, part) = call.place((a, b, start, len));
            let done = act(&guest, mapping, place, part);
            call.put_unit(to, done)
        };
        linker.func_wrap(module, name, act)?;
    }
    linker.func_wrap(
        module,
        "[method]mapping.acquire",
        move |mut caller: Caller<'_, T>, this: i32, a: i32, b: i32, start: i64, len: i64, access: i32, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let mapping = call.mapping(this)?;
            let access = case(Access::from_number(access.cast_unsigned()))?;
            call.check_handle(to)?;
            let (guest, place, part) = call.place((a, b, start, len));
            let acquired = guest.acquire(mapping, place, part, access.into());
            call.put_handle(to, acquired.map(Handle::Lease))
        },
    )?;
    linker.func_wrap(
        module,
        "[method]lease.downgrade",
        move |mut caller: Caller<'_, T>, lease: i32, a: i32, b: i32, start: i64, len: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let id = call.lease(lease)?;
            call.check_unit(to)?;
            let (guest, place, part) = call.place((a, b, start, len));
            let downgraded = guest.downgrade(id, place, part);
            call.put_unit(to, downgraded)
        },
    )?;
    linker.func_wrap(
        module,
        "[static]lease.release",
        move |mut caller: Caller<'_, T>, lease: i32, a: i32, b: i32, start: i64, len: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let id = call.lease(lease)?;
            call.check_unit(to)?;
            call.remove(lease);
            let (guest, place, part) = call.place((a, b, start, len));
            let released = guest.release(id, place, part);
            call.put_unit(to, released)
        },
    )?;
    linker.func_wrap(module, "[resource-drop]mapping", move |mut caller: Caller<'_, T>, this: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let mapping = call.mapping(this)?;
        let guest = call.guest();
        call.remove(this);
        guest.drop_mapping(mapping);
        Ok(())
    })?;
    linker.func_wrap(module, "[resource-drop]lease", move |mut caller: Caller<'_, T>, this: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let lease = call.lease(this)?;
        let guest = call.guest();
        call.remove(this);
        guest.drop_lease(lease);
        Ok(())
    })?;
    Ok(())
}

/// The case that a number on the wire stands for; any other number traps, as in the canonical ABI.
pub(crate) fn case<R>(case: Option<R>) -> Result<R> {
    case.ok_or_else(|| format_err!("memory-control: invalid enum discriminant"))
}

fn options(offset: i64, [protection, sharing, coherence, flags]: [i32; 4]) -> Result<MapOptions> {
    Ok(MapOptions {
        offset: offset.cast_unsigned(),
        protection: case(Protection::from_number(protection.cast_unsigned()))?.into(),
        sharing: case(Sharing::from_number(sharing.cast_unsigned()))?.into(),
        coherence: case(Coherence::from_number(coherence.cast_unsigned()))?.into(),
        populate: if flags & 1 != 0 { Populate::Now } else { Populate::OnDemand },
        past_end: if flags & 2 != 0 { PastEnd::Own } else { PastEnd::Refused },
    })
}
