//! Interface `window` for core modules.

use wasmtime::{Caller, Linker, Result};

use super::call::Call;
use super::options;
use crate::MemctlCtx;
use crate::component::interface;
use crate::handles::Handle;
use crate::wire;

/// What `bind` is told: the list, the window's number, start, length, object and options.
type Bind = (i32, i32, i32, i64, i64, i32, i64, i32, i32, i32, i32, i32);
/// What `rebind` is told: the window, mapping, object and options.
type Rebind = (i32, i32, i64, i64, i32, i32, i64, i32, i32, i32, i32, i32);

pub(super) fn add_to_core_linker<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let module = interface!("window");
    linker.func_wrap(module, "count", move |mut caller: Caller<'_, T>, _: i32, _: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let memory = call.known_memory();
        Ok(call.guest().windows(memory.as_deref()).cast_signed())
    })?;
    linker.func_wrap(module, "size", move |mut caller: Caller<'_, T>, _: i32, _: i32, number: i32, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        let memory = call.known_memory();
        let size = call.guest().window_size(call.caller.engine(), memory, number.cast_unsigned());
        call.put_u64(to, size)
    })?;
    linker.func_wrap(
        module,
        "capabilities-of",
        move |mut caller: Caller<'_, T>, _: i32, _: i32, number: i32, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let memory = call.known_memory();
            let can = call.guest().window_capabilities(call.caller.engine(), memory, number.cast_unsigned());
            call.put_flags(to, can.map(wire::bits))
        },
    )?;
    linker.func_wrap(
        module,
        "bind",
        move |caller: Caller<'_, T>,
              a: i32,
              b: i32,
              c: i32,
              d: i64,
              e: i64,
              f: i32,
              g: i64,
              h: i32,
              i: i32,
              j: i32,
              k: i32,
              l: i32| { bind(caller, ctx, (a, b, c, d, e, f, g, h, i, j, k, l)) },
    )?;
    linker.func_wrap(
        module,
        "rebind",
        move |caller: Caller<'_, T>,
              a: i32,
              b: i32,
              c: i64,
              d: i64,
              e: i32,
              f: i32,
              g: i64,
              h: i32,
              i: i32,
              j: i32,
              k: i32,
              l: i32| { rebind(caller, ctx, (a, b, c, d, e, f, g, h, i, j, k, l)) },
    )?;
    Ok(())
}

fn bind<T: 'static>(
    mut caller: Caller<'_, T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
    (_, _, number, start, len, object, offset, protection, sharing, coherence, flags, to): Bind,
) -> Result<()> {
    let mut call = Call::new(&mut caller, ctx)?;
    let options = options(offset, [protection, sharing, coherence, flags])?;
    let object = call.object(object)?;
    call.check_handle(to)?;
    let memory = call.known_memory();
    let claim = (start.cast_unsigned(), len.cast_unsigned());
    let bound = call.guest().bind(call.caller.engine(), memory, number.cast_unsigned(), claim, object, options);
    call.put_handle(to, bound.map(Handle::Mapping))
}

fn rebind<T: 'static>(
    mut caller: Caller<'_, T>,
    ctx: fn(&mut T) -> &mut MemctlCtx,
    (a, b, start, len, mapping, object, offset, protection, sharing, coherence, flags, to): Rebind,
) -> Result<()> {
    let mut call = Call::new(&mut caller, ctx)?;
    let options = options(offset, [protection, sharing, coherence, flags])?;
    let (mapping, object) = (call.mapping(mapping)?, call.object(object)?);
    call.check_unit(to)?;
    let (guest, place, _) = call.place((a, b, start, len));
    let rebound = guest.rebind(place, mapping, object, options);
    call.put_unit(to, rebound)
}
