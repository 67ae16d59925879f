//! `wasi:memory-control` in a component linker.

use alloc::string::String;
use alloc::sync::Arc;

use memctl_core::{HandleId, LeaseId, MappingId};
use wasmtime::component::{Component, Linker, Resource};
use wasmtime::{Result, StoreContextMut};

use crate::MemctlView;
use crate::buffer::lies_in_an_object;
use crate::calls::Claim;
use crate::chosen::{AllFunctions, Chosen, Functions, define, define_resource};
use crate::guest::Guest;
use crate::place::Place;
use crate::sys;
use crate::waiting::{Pace, Wanted, block_on, deadline_of_guest};
use crate::window::memory_of;
use crate::wire::{self, Access, Capabilities, ErrorCode, MapOptions, Quotas, Rights, Window};

/// A guest's handle to an object, as the embedder's resource table holds it.
pub struct Object(pub(crate) HandleId);
/// A guest's mapping, as the embedder's resource table holds it.
pub struct Mapping(pub(crate) MappingId);
/// A guest's lease, as the embedder's resource table holds it.
pub struct Lease(pub(crate) LeaseId);

/// The name of one interface of the package.
macro_rules! interface {
    ($name:literal) => {
        concat!("wasi:memory-control/", $name, "@0.1.0-draft")
    };
}
pub(crate) use interface;

pub(crate) type Wire<T> = Result<T, ErrorCode>;

/// The store's guest.
pub(crate) fn guest<T: MemctlView>(store: &mut StoreContextMut<'_, T>) -> Arc<Guest> {
    store.data_mut().memctl().ctx.guest.clone()
}

/// What a handle of the guest's stands for.
pub(crate) fn look<T: MemctlView, R: Send + 'static, I: Copy>(
    store: &mut StoreContextMut<'_, T>,
    handle: &Resource<R>,
    id: impl FnOnce(&R) -> I,
) -> Result<I> {
    Ok(id(store.data_mut().memctl().table.get(handle)?))
}

/// Where the window is, and which of its memory's bytes it claims.
pub(crate) fn place<'a, T: 'static>(
    store: &'a mut StoreContextMut<'_, T>,
    guest: &Guest,
    window: &Window,
) -> (Place<'a>, Claim) {
    let claim = (window.start, window.len);
    let address = window.memory.as_le_slice(&*store).as_ptr().addr();
    let place = match guest.shared.made.at(address) {
        Some(memory) => Place::Known(memory),
        None if lies_in_an_object(address) => Place::Lent { start: window.start, bytes: &mut [], size: None },
        None => Place::Lent { start: window.start, bytes: sys::lend(store, &window.memory), size: None },
    };
    (place, claim)
}

/// The answer, with the handle that goes with it put in the guest's table.
pub(crate) fn give<T: MemctlView, I, R: Send + 'static>(
    store: &mut StoreContextMut<'_, T>,
    answer: Result<I, memctl_core::Code>,
    handle: impl FnOnce(I) -> R,
) -> Result<(Wire<Resource<R>>,)> {
    Ok((match answer {
        Ok(id) => Ok(store.data_mut().memctl().table.push(handle(id))?),
        Err(code) => Err(code.into()),
    },))
}

pub(crate) fn answer<R>(answer: Result<R, memctl_core::Code>) -> Result<(Wire<R>,)> {
    Ok((answer.map_err(ErrorCode::from),))
}

/// Adds every interface that needs no filesystem, for guests that are called with `call`. Files can then not be mapped;
/// [`add_to_linker_sync`](crate::add_to_linker_sync) adds that too. A guest that waits for a lease blocks its thread.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_linker_without_files_sync<T: MemctlView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    add_sync::<T, AllFunctions>(&mut Chosen::all(linker))
}

/// As [`add_to_linker_without_files_sync`], but only the functions that `component` imports: a board has no RAM for others. Nor has it flash for what none of its components
/// imports: the program holds the `F` only, which are [`AllFunctions`] or fewer. A component that imports one that is not held can't be instantiated.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_imports_to_linker_sync<T: MemctlView + 'static, F: Functions>(
    linker: &mut Linker<T>,
    component: &Component,
) -> Result<()> {
    add_sync::<T, F>(&mut Chosen::imports_of(linker, component))
}

fn add_sync<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    add_all::<T, F>(linker)?;
    crate::heap::component::add_receive_sync::<T, F>(linker)?;
    let mut mapping = linker.instance(interface!("mapping"))?;
    define!(
        mapping,
        F,
        "mapping",
        "[method]mapping.acquire-within",
        |mut store: StoreContextMut<'_, T>, params: AcquireWithin| {
            block_on(acquire_within(&mut store, params, Pace::Blocking))
        }
    );
    define!(mapping, F, "mapping", "[method]lease.upgrade", |mut store: StoreContextMut<'_, T>, params: Upgrade| {
        block_on(upgrade(&mut store, params, Pace::Blocking))
    });
    Ok(())
}

/// Adds every interface that needs no filesystem, for guests that are called with `call_async`. Files can then not be mapped;
/// [`add_to_linker_async`](crate::add_to_linker_async) adds that too. A guest that waits for a lease is suspended: it needs a tokio runtime with
/// its clock enabled.
///
/// # Errors
/// If the linker has definitions of the same names.
#[cfg(feature = "std")]
pub fn add_to_linker_without_files_async<T: MemctlView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    add_all::<T, AllFunctions>(&mut Chosen::all(linker))?;
    crate::heap::component::add_receive_async(linker)?;
    let mut mapping = linker.instance(interface!("mapping"))?;
    mapping.func_wrap_async(
        "[method]mapping.acquire-within",
        |mut store: StoreContextMut<'_, T>, params: AcquireWithin| {
            Box::new(async move { acquire_within(&mut store, params, Pace::Async).await })
        },
    )?;
    mapping.func_wrap_async("[method]lease.upgrade", |mut store: StoreContextMut<'_, T>, params: Upgrade| {
        Box::new(async move { upgrade(&mut store, params, Pace::Async).await })
    })
}

/// A mapping, and a window or part of one.
type OfMapping = (Resource<Mapping>, Window);
type Map = (Window, Resource<Object>, MapOptions);
type Acquire = (Resource<Mapping>, Window, Access);
type AcquireWithin = (Resource<Mapping>, Window, Access, u64);
type Upgrade = (Resource<Lease>, Window, u64);

async fn acquire_within<T: MemctlView + 'static>(
    store: &mut StoreContextMut<'_, T>,
    (this, part, access, timeout): AcquireWithin,
    pace: Pace,
) -> Result<(Wire<Resource<Lease>>,)> {
    let deadline = deadline_of_guest(timeout);
    let id = look(store, &this, |mapping: &Mapping| mapping.0)?;
    let guest = guest(store);
    let asked = {
        let (place, claim) = place(store, &guest, &part);
        guest.acquire_or_wait(id, place, claim, access.into(), pace)
    };
    let acquired = match asked {
        Ok(Wanted::Granted(lease)) => Ok(lease),
        Ok(Wanted::Waits(wait)) => {
            wait.until(deadline, pace).await;
            let (place, _) = place(store, &guest, &part);
            guest.acquired(wait, place)
        }
        Err(code) => Err(code),
    };
    give(store, acquired, Lease)
}

async fn upgrade<T: MemctlView + 'static>(
    store: &mut StoreContextMut<'_, T>,
    (this, part, timeout): Upgrade,
    pace: Pace,
) -> Result<(Wire<()>,)> {
    let deadline = deadline_of_guest(timeout);
    let id = look(store, &this, |lease: &Lease| lease.0)?;
    let guest = guest(store);
    let asked = {
        let (place, claim) = place(store, &guest, &part);
        guest.upgrade_or_wait(id, place, claim, pace)
    };
    answer(match asked {
        Ok(Wanted::Granted(_)) => Ok(()),
        Ok(Wanted::Waits(wait)) => {
            wait.until(deadline, pace).await;
            let (place, _) = place(store, &guest, &part);
            guest.upgraded(wait, place)
        }
        Err(code) => Err(code),
    })
}

fn add_all<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    linker.instance(interface!("types"))?;
    add_domain::<T, F>(linker)?;
    add_object::<T, F>(linker)?;
    add_mapping::<T, F>(linker)?;
    crate::protection::add_to_linker::<T, F>(linker)?;
    crate::window::add_to_linker::<T, F>(linker)?;
    crate::heap::component::add_to_linker::<T, F>(linker)
}

fn add_domain<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut domain = linker.instance(interface!("domain"))?;
    define!(domain, F, "domain", "granule", |mut store, ()| Ok((guest::<T>(&mut store).granule(),)));
    define!(domain, F, "domain", "capabilities-of", |mut store, (memory,): (wasmtime::component::WasmList<u8>,)| {
        let guest = guest::<T>(&mut store);
        let known = memory_of(&store, &guest, &memory);
        Ok::<(Capabilities,), _>((wire::capabilities(&guest, known, true),))
    });
    define!(domain, F, "domain", "limits", |mut store, ()| Ok((Quotas::from(guest::<T>(&mut store).limits()),)));
    define!(domain, F, "domain", "usage", |mut store, ()| Ok((Quotas::from(guest::<T>(&mut store).usage()),)));
    Ok(())
}

fn add_object<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut object = linker.instance(interface!("object"))?;
    define_resource!(object, F, "object", "object", Object, |mut store, rep| {
        let Object(handle) = store.data_mut().memctl().table.delete(Resource::new_own(rep))?;
        guest::<T>(&mut store).drop_handle(handle);
        Ok(())
    });
    define!(object, F, "object", "[static]object.anonymous", |mut store, (len,): (u64,)| {
        let made = guest::<T>(&mut store).anonymous(len);
        give(&mut store, made, Object)
    });
    define!(object, F, "object", "[static]object.open", |mut store, (name,): (String,)| {
        let opened = guest::<T>(&mut store).open(&name);
        give(&mut store, opened, Object)
    });
    define!(object, F, "object", "[method]object.len", |mut store, (this,): (Resource<Object>,)| {
        let handle = look(&mut store, &this, |object: &Object| object.0)?;
        answer(guest::<T>(&mut store).size(handle))
    });
    define!(object, F, "object", "[method]object.rights", |mut store, (this,): (Resource<Object>,)| {
        let handle = look(&mut store, &this, |object: &Object| object.0)?;
        let has = guest::<T>(&mut store).rights(handle);
        let mut rights = Rights::default();
        for (right, bit) in [
            (Rights::READ, memctl_core::Rights::READ),
            (Rights::WRITE, memctl_core::Rights::WRITE),
            (Rights::RESIZE, memctl_core::Rights::RESIZE),
        ] {
            if has.contains(bit) {
                rights |= right;
            }
        }
        Ok((rights,))
    });
    define!(object, F, "object", "[method]object.resize", |mut store, (this, len): (Resource<Object>, u64)| {
        let handle = look(&mut store, &this, |object: &Object| object.0)?;
        answer(guest::<T>(&mut store).resize(handle, len))
    });
    Ok(())
}

fn add_mapping<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut mapping = linker.instance(interface!("mapping"))?;
    define_resource!(mapping, F, "mapping", "mapping", Mapping, |mut store, rep| {
        let Mapping(id) = store.data_mut().memctl().table.delete(Resource::new_own(rep))?;
        guest::<T>(&mut store).drop_mapping(id);
        Ok(())
    });
    define_resource!(mapping, F, "mapping", "lease", Lease, |mut store, rep| {
        let Lease(id) = store.data_mut().memctl().table.delete(Resource::new_own(rep))?;
        guest::<T>(&mut store).drop_lease(id);
        Ok(())
    });
    define!(mapping, F, "mapping", "[static]mapping.map", |mut store, (window, object, options): Map| {
        let handle = look(&mut store, &object, |object: &Object| object.0)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &window);
        let mapped = guest.map(place, claim, handle, options.into());
        give(&mut store, mapped, Mapping)
    });
    define!(mapping, F, "mapping", "[method]mapping.publish", |mut store, (this, part): OfMapping| {
        let id = look(&mut store, &this, |mapping: &Mapping| mapping.0)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &part);
        answer(guest.publish(id, place, claim))
    });
    define!(mapping, F, "mapping", "[method]mapping.refresh", |mut store, (this, part): OfMapping| {
        let id = look(&mut store, &this, |mapping: &Mapping| mapping.0)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &part);
        answer(guest.refresh(id, place, claim))
    });
    define!(mapping, F, "mapping", "[method]mapping.sync", |mut store, (this, part): OfMapping| {
        let id = look(&mut store, &this, |mapping: &Mapping| mapping.0)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &part);
        answer(guest.sync(id, place, claim))
    });
    define!(mapping, F, "mapping", "[method]mapping.acquire", |mut store, (this, part, access): Acquire| {
        let id = look(&mut store, &this, |mapping: &Mapping| mapping.0)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &part);
        let acquired = guest.acquire(id, place, claim, access.into());
        give(&mut store, acquired, Lease)
    });
    define!(mapping, F, "mapping", "[method]lease.downgrade", |mut store, (this, part): (Resource<Lease>, Window)| {
        let id = look(&mut store, &this, |lease: &Lease| lease.0)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &part);
        answer(guest.downgrade(id, place, claim))
    });
    define!(mapping, F, "mapping", "[static]lease.release", |mut store, (lease, part): (Resource<Lease>, Window)| {
        let Lease(id) = store.data_mut().memctl().table.delete(lease)?;
        let guest = guest::<T>(&mut store);
        let (place, claim) = place(&mut store, &guest, &part);
        answer(guest.release(id, place, claim))
    });
    define!(mapping, F, "mapping", "[method]mapping.unmap", |mut store, (this, window): OfMapping| {
        let id = look(&mut store, &this, |mapping: &Mapping| mapping.0)?;
        let guest = guest::<T>(&mut store);
        let (place, _) = place(&mut store, &guest, &window);
        answer(guest.unmap(id, place))
    });
    Ok(())
}
