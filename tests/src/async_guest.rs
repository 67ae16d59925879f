//! One guest that is called with `call_async`.

use memctl_wasmtime::attach;
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Linker, Lower};
use wasmtime_wasi::FsPerms;

use crate::probe::{Coherence, ErrorCode, MapFlags, Protection, Sharing};
use crate::{State, World};

/// A probe in a store of its own, called with `call_async`.
pub struct AsyncGuest {
    /// Its store.
    pub store: Store<State>,
    instance: Instance,
}

impl AsyncGuest {
    /// One more guest, after `prepare` saw its store.
    pub async fn new(world: &World, prepare: impl FnOnce(&mut Store<State>)) -> Self {
        let mut linker = Linker::new(world.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("wasmtime-wasi links");
        memctl_wasmtime::add_to_linker_async(&mut linker).expect("memory control links");
        let mut store = Store::new(world.engine(), world.state(FsPerms::ReadWrite, |context| context));
        attach(&mut store);
        prepare(&mut store);
        let instance = linker.instantiate_async(&mut store, world.component()).await.expect("instantiates");
        Self { store, instance }
    }

    /// Calls an export whose results are a tuple.
    pub async fn results<P, R>(&mut self, name: &str, params: P) -> R
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let store = &mut self.store;
        let probe = self.instance.get_export_index(&mut *store, None, "memctl:probe/probe@0.1.0").expect("exported");
        let export = self.instance.get_export_index(&mut *store, Some(&probe), name).expect("exported");
        let func = self.instance.get_typed_func::<P, R>(&mut *store, export).expect("of this type");
        func.call_async(store, params).await.expect("does not trap")
    }

    /// Calls an export with one result.
    pub async fn call<P, R>(&mut self, name: &str, params: P) -> R
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift + Send + Sync + 'static,
    {
        self.results::<P, (R,)>(name, params).await.0
    }

    /// Shows the first `len` bytes of an object in a new window. Gives the mapping's index and where the window starts.
    pub async fn mapped(&mut self, object: u32, len: u32, sharing: Sharing, coherence: Coherence) -> (u32, u32) {
        let start: u32 = self.call("alloc", (len, 4096_u32)).await;
        let window = (u64::from(start), u64::from(len));
        let protection = Protection::ReadWrite;
        let options = (window.0, window.1, object, 0_u64, protection, sharing, coherence, MapFlags::empty());
        let mapped: Result<u32, ErrorCode> = self.call("map", options).await;
        (mapped.expect("maps"), start)
    }
}
