//! Windows that are whole extra memories: which ones a guest has, and what is shown in them.

use alloc::format;
use alloc::sync::Arc;

use memctl_core::{Error, HandleId, MapOptions, MappingId, Shown};
use wasmtime::component::{Resource, WasmList};
use wasmtime::{Engine, Result, StoreContextMut};

use crate::MemctlView;
use crate::calls::{Answer, Claim};
use crate::chosen::{Chosen, Functions, define};
use crate::component::{Mapping, Object, Wire, answer, give, guest, interface, look, place};
use crate::guest::Guest;
use crate::mmu::Reservation;
use crate::place::Place;
use crate::wire::{self, Capabilities, ErrorCode};

/// Which of a module's windows, as it says: 0 is its own memory.
pub(crate) type Number = u32;

const HINT: &str = "the windows of a memory that the host doesn't know can't be found: make the engine's memories with Domain::configure";

impl Guest {
    /// How many windows go with `memory`.
    pub(crate) fn windows(&self, memory: Option<&Reservation>) -> Number {
        memory.map_or(0, |memory| self.shared.made.windows(memory))
    }

    /// A window that goes with `memory`, which is one of a store of this engine's; number 0 is that itself.
    pub(crate) fn window(
        &self,
        engine: &Engine,
        memory: Option<Arc<Reservation>>,
        number: Number,
    ) -> Result<Arc<Reservation>, Error> {
        let memory = memory.ok_or(Error::Unsupported { why: HINT })?;
        if number == 0 {
            return Ok(memory);
        }
        let found = self.shared.made.window(&memory, number);
        let window = found.ok_or(Error::NotFound { name: format!("window {number}") })?;
        self.shared.trust(engine, &memory, &window);
        Ok(window)
    }

    fn look_for_window(
        &self,
        call: &'static str,
        engine: &Engine,
        memory: Option<Arc<Reservation>>,
        number: Number,
    ) -> Answer<Arc<Reservation>> {
        self.window(engine, memory, number).map_err(|error| self.refuse(call, &error))
    }

    pub(crate) fn window_size(&self, engine: &Engine, memory: Option<Arc<Reservation>>, number: Number) -> Answer<u64> {
        Ok(self.look_for_window("window.size", engine, memory, number)?.size())
    }

    pub(crate) fn window_capabilities(
        &self,
        engine: &Engine,
        memory: Option<Arc<Reservation>>,
        number: Number,
    ) -> Answer<Capabilities> {
        let window = self.look_for_window("window.capabilities-of", engine, memory, number)?;
        Ok(wire::capabilities(self, Some(window), true))
    }

    pub(crate) fn bind(
        &self,
        engine: &Engine,
        memory: Option<Arc<Reservation>>,
        number: Number,
        claim: Claim,
        object: HandleId,
        options: MapOptions,
    ) -> Answer<MappingId> {
        let window = self.look_for_window("window.bind", engine, memory, number)?;
        self.map(Place::Known(window), claim, object, options)
    }

    pub(crate) fn rebind(
        &self,
        place: Place<'_>,
        mapping: MappingId,
        object: HandleId,
        options: MapOptions,
    ) -> Answer<()> {
        let shown = self.ask("window.rebind", Some(place), |rules, mover, caller| {
            let old = rules.view(caller, mapping)?.object;
            mover.check_free(rules, old)?;
            let new = rules.object_of(caller, object)?;
            mover.check_free(rules, new)?;
            rules.rebind(mover, caller, mapping, object, options)?;
            Ok(rules.view(caller, mapping)?.shown)
        })?;
        if shown == Shown::Snapshot {
            self.freeze();
        }
        Ok(())
    }
}

/// The memory that a list lies in, if the host made it.
pub(crate) fn memory_of<T: 'static>(
    store: &StoreContextMut<'_, T>,
    guest: &Guest,
    memory: &WasmList<u8>,
) -> Option<Arc<Reservation>> {
    guest.shared.made.at(memory.as_le_slice(store).as_ptr().addr())
}

type Bind = (WasmList<u8>, u32, u64, u64, Resource<Object>, wire::MapOptions);
type Rebind = (wire::Window, Resource<Mapping>, Resource<Object>, wire::MapOptions);

pub(crate) fn add_to_linker<T: MemctlView + 'static, F: Functions>(linker: &mut Chosen<'_, T>) -> Result<()> {
    let mut window = linker.instance(interface!("window"))?;
    define!(window, F, "window", "count", |mut store, (memory,): (WasmList<u8>,)| {
        let guest = guest::<T>(&mut store);
        Ok((guest.windows(memory_of(&store, &guest, &memory).as_deref()),))
    });
    define!(window, F, "window", "size", |mut store, (memory, number): (WasmList<u8>, u32)| {
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        answer(guest.window_size(store.engine(), memory, number))
    });
    define!(window, F, "window", "capabilities-of", |mut store, (memory, number): (WasmList<u8>, u32)| {
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        Ok::<(Result<Capabilities, ErrorCode>,), _>((guest
            .window_capabilities(store.engine(), memory, number)
            .map_err(ErrorCode::from),))
    });
    define!(window, F, "window", "bind", |mut store, (memory, number, start, len, object, options): Bind| {
        let handle = look(&mut store, &object, |object: &Object| object.0)?;
        let guest = guest::<T>(&mut store);
        let memory = memory_of(&store, &guest, &memory);
        let bound = guest.bind(store.engine(), memory, number, (start, len), handle, options.into());
        give(&mut store, bound, Mapping)
    });
    define!(window, F, "window", "rebind", |mut store,
                                            (window, mapping, object, options): Rebind|
     -> Result<(Wire<()>,)> {
        let id = look(&mut store, &mapping, |mapping: &Mapping| mapping.0)?;
        let handle = look(&mut store, &object, |object: &Object| object.0)?;
        let guest = guest::<T>(&mut store);
        let (place, _) = place(&mut store, &guest, &window);
        answer(guest.rebind(place, id, handle, options.into()))
    });
    Ok(())
}
