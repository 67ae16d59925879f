//! `wasi:memory-control` for core modules: the functions that wit-bindgen imports, under their canonical-ABI names.
//!
//! A guest module that was not made into a component imports these as it is. Handles live in the context, results of more than
//! one value are written where the guest points, and the guest's memory is what it exports as `memory`.
//! See the [canonical ABI](https://github.com/WebAssembly/component-model/blob/main/design/mvp/CanonicalABI.md), "Flattening".

use std::sync::Arc;

use memctl_core::{Code, HandleId, LeaseId, MapOptions, MappingId, Populate};
use wasmtime::{Caller, Extern, Linker, Memory, Result, bail, format_err};

use crate::calls::Claim;
use crate::component::interface;
use crate::guest::Guest;
use crate::handles::Handle;
use crate::place::Place;
use crate::wire::{self, Access, Capabilities, Coherence, Protection, Sharing};
use crate::{MemctlCtx, Quotas};

/// The parameters of a `window` record: the list's pointer and length, which say nothing here, the start and the length.
type Window = (i32, i32, i64, i64);

/// The name of the export that a core module's windows lie in.
const MEMORY: &str = "memory";

/// One call of a core module's.
struct Call<'a, 'b, T: 'static> {
    caller: &'a mut Caller<'b, T>,
    memory: Memory,
    ctx: fn(&mut T) -> &mut MemctlCtx,
}

/// Adds every interface that needs no filesystem to a core linker. `ctx` finds the guest's context in the store's data.
///
/// Files can't be mapped by core modules: run them as components for that, as `memctl run` does.
///
/// ```
/// use memctl_wasmtime::{Domain, MemctlCtx, add_to_core_linker};
/// use wasmtime::{Config, Engine, Linker, Store};
///
/// let domain = Domain::builder().build()?;
/// let mut config = Config::new();
/// domain.configure(&mut config)?;
/// let engine = Engine::new(&config)?;
/// let mut linker: Linker<MemctlCtx> = Linker::new(&engine);
/// add_to_core_linker(&mut linker, |ctx| ctx)?;
/// let mut store = Store::new(&engine, domain.context().build());
/// let crossing = store.data().crossing();
/// store.call_hook(move |_, hook| Ok(crossing(hook)?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_core_linker<T: 'static>(linker: &mut Linker<T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<()> {
    add_domain(linker, ctx)?;
    add_object(linker, ctx)?;
    add_mapping(linker, ctx)
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
        let known = guest.shared.made.at(call.memory.data_ptr(&*call.caller).addr()).is_some();
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
                    (list, list_len, start, len, object, offset, protection, sharing, coherence, hints, to): (
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
        let options = options(offset, [protection, sharing, coherence, hints])?;
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
fn case<R>(case: Option<R>) -> Result<R> {
    case.ok_or_else(|| format_err!("memory-control: invalid enum discriminant"))
}

fn options(offset: i64, [protection, sharing, coherence, hints]: [i32; 4]) -> Result<MapOptions> {
    Ok(MapOptions {
        offset: offset.cast_unsigned(),
        protection: case(Protection::from_number(protection.cast_unsigned()))?.into(),
        sharing: case(Sharing::from_number(sharing.cast_unsigned()))?.into(),
        coherence: case(Coherence::from_number(coherence.cast_unsigned()))?.into(),
        populate: if hints & 1 == 1 { Populate::Now } else { Populate::OnDemand },
    })
}

impl<'a, 'b, T: 'static> Call<'a, 'b, T> {
    fn new(caller: &'a mut Caller<'b, T>, ctx: fn(&mut T) -> &mut MemctlCtx) -> Result<Self> {
        match caller.get_export(MEMORY) {
            Some(Extern::Memory(memory)) => Ok(Self { caller, memory, ctx }),
            _ => bail!("memory-control: the module exports no memory as {MEMORY:?}"),
        }
    }

    fn ctx(&mut self) -> &mut MemctlCtx {
        (self.ctx)(self.caller.data_mut())
    }

    fn guest(&mut self) -> Arc<Guest> {
        self.ctx().guest.clone()
    }

    /// The guest, where the window is, and which bytes it claims. The list's pointer and length say nothing here: the memory is the
    /// caller's.
    fn place(&mut self, (_, _, start, len): Window) -> (Arc<Guest>, Place<'_>, Claim) {
        let guest = self.guest();
        let claim = (start.cast_unsigned(), len.cast_unsigned());
        let known = guest.shared.made.at(self.memory.data_ptr(&*self.caller).addr());
        let place = match known {
            Some(memory) => Place::Known(memory),
            None => {
                let memory = self.memory.data_mut(&mut *self.caller);
                let size = Some(memory.len() as u64);
                let range = usize::try_from(claim.0).ok().zip(usize::try_from(claim.1).ok());
                let bytes = range.and_then(|(start, len)| memory.get_mut(start..)?.get_mut(..len));
                Place::Lent { start: claim.0, bytes: bytes.unwrap_or_default(), size }
            }
        };
        (guest, place, claim)
    }

    /// What one of the module's handles stands for. An unknown one traps, as in the canonical ABI.
    fn handle(&mut self, index: i32) -> Result<Handle> {
        match self.ctx().handles.get(index.cast_unsigned()) {
            Some(handle) => Ok(handle),
            None => bail!("memory-control: unknown handle index {index}"),
        }
    }

    fn object(&mut self, index: i32) -> Result<HandleId> {
        match self.handle(index)? {
            Handle::Object(object) => Ok(object),
            Handle::Mapping(_) | Handle::Lease(_) => bail!("memory-control: handle index {index} is not an object"),
        }
    }

    fn mapping(&mut self, index: i32) -> Result<MappingId> {
        match self.handle(index)? {
            Handle::Mapping(mapping) => Ok(mapping),
            Handle::Object(_) | Handle::Lease(_) => bail!("memory-control: handle index {index} is not a mapping"),
        }
    }

    fn lease(&mut self, index: i32) -> Result<LeaseId> {
        match self.handle(index)? {
            Handle::Lease(lease) => Ok(lease),
            Handle::Object(_) | Handle::Mapping(_) => bail!("memory-control: handle index {index} is not a lease"),
        }
    }

    fn remove(&mut self, index: i32) {
        self.ctx().handles.remove(index.cast_unsigned());
    }

    /// The guest's bytes from `at` on.
    fn bytes(&mut self, at: i32, len: usize) -> Result<&mut [u8]> {
        let bytes = self.memory.data_mut(&mut *self.caller).get_mut(at.cast_unsigned() as usize..);
        bytes
            .and_then(|bytes| bytes.get_mut(..len))
            .ok_or_else(|| format_err!("memory-control: {len} bytes at {at:#x} are not in the module's memory"))
    }

    /// The place of a result of `LEN` bytes, aligned to `align`.
    fn result<const LEN: usize>(&mut self, to: i32, align: u32) -> Result<&mut [u8; LEN]> {
        if !to.cast_unsigned().is_multiple_of(align) {
            bail!("memory-control: the result's address {to:#x} is not aligned to {align} bytes");
        }
        Ok(self.bytes(to, LEN)?.try_into()?)
    }

    /// The place of a `result<_, error-code>`, before anything is done: no work is for nobody.
    fn check_unit(&mut self, to: i32) -> Result<()> {
        self.result::<2>(to, 1).map(drop)
    }

    /// The place of a `result<own<…>, error-code>`.
    fn check_handle(&mut self, to: i32) -> Result<()> {
        self.result::<8>(to, 4).map(drop)
    }

    /// `result<_, error-code>`: the discriminant and the code, a byte each.
    fn put_unit(&mut self, to: i32, answer: Result<(), Code>) -> Result<()> {
        *self.result::<2>(to, 1)? = match answer {
            Ok(()) => [0, 0],
            Err(code) => [1, code as u8],
        };
        Ok(())
    }

    /// `result<own<…>, error-code>`: the discriminant, and 4 bytes after its start the handle or the code.
    fn put_handle(&mut self, to: i32, answer: Result<Handle, Code>) -> Result<()> {
        let [tag, payload] = match answer {
            Ok(handle) => [0, self.ctx().handles.insert(handle)],
            Err(code) => [1, u32::from(code as u8)],
        };
        let result = self.result::<8>(to, 4)?;
        result[..4].copy_from_slice(&tag.to_le_bytes());
        result[4..].copy_from_slice(&payload.to_le_bytes());
        Ok(())
    }

    /// `result<u64, error-code>`: the discriminant, and 8 bytes after its start the number or the code.
    fn put_u64(&mut self, to: i32, answer: Result<u64, Code>) -> Result<()> {
        let [tag, payload] = match answer {
            Ok(number) => [0, number],
            Err(code) => [1, u64::from(code as u8)],
        };
        let result = self.result::<16>(to, 8)?;
        result[..8].copy_from_slice(&tag.to_le_bytes());
        result[8..].copy_from_slice(&payload.to_le_bytes());
        Ok(())
    }

    /// The record `quotas`, each field aligned to its size.
    fn put_quotas(&mut self, to: i32, quotas: Quotas) -> Result<()> {
        let Quotas { objects, object_bytes, mappings, mapped_bytes, leases } = quotas;
        let result = self.result::<40>(to, 8)?;
        let fields = [objects.into(), object_bytes, mappings.into(), mapped_bytes, leases.into()];
        for (field, at) in fields.into_iter().zip(result.chunks_exact_mut(8)) {
            at.copy_from_slice(&u64::to_le_bytes(field));
        }
        Ok(())
    }
}
