//! Interface `protection` for core modules.

use memctl_core::Bounds;
use wasmtime::{Caller, Linker, Result};

use super::call::Call;
use super::case;
use crate::MemctlCtx;
use crate::component::interface;
use crate::wire::Protection;

pub(super) fn add_to_core_linker<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    let module = interface!("protection");
    linker.func_wrap(
        module,
        "seal",
        move |mut caller: Caller<'_, T>, _: i32, _: i32, no_access: i64, read_only: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            call.result::<24>(to, 8)?;
            let bounds = Bounds { no_access: no_access.cast_unsigned(), read_only: read_only.cast_unsigned() };
            let memory = call.known_memory();
            let sealed = call.guest().seal(memory, bounds);
            call.put_bounds_or_code(to, sealed)
        },
    )?;
    linker.func_wrap(module, "sealed", move |mut caller: Caller<'_, T>, _: i32, _: i32, to: i32| {
        let mut call = Call::new(&mut caller, ctx)?;
        call.result::<16>(to, 8)?;
        let memory = call.known_memory();
        let sealed = call.guest().sealed(memory);
        call.put_bounds(to, sealed)
    })?;
    linker.func_wrap(
        module,
        "protect",
        move |mut caller: Caller<'_, T>, a: i32, b: i32, start: i64, len: i64, protection: i32, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            let protection = case(Protection::from_number(protection.cast_unsigned()))?;
            call.check_unit(to)?;
            let (guest, place, range) = call.place((a, b, start, len));
            let protected = guest.protect(place, range, protection.into());
            call.put_unit(to, protected)
        },
    )?;
    linker.func_wrap(
        module,
        "discard",
        move |mut caller: Caller<'_, T>, a: i32, b: i32, start: i64, len: i64, to: i32| {
            let mut call = Call::new(&mut caller, ctx)?;
            call.check_unit(to)?;
            let (guest, place, range) = call.place((a, b, start, len));
            let discarded = guest.discard(place, range);
            call.put_unit(to, discarded)
        },
    )?;
    Ok(())
}
