//! The little of WASI that guests here ask for, lines on stdout, and what they are called by.

use wasmtime::component::{
    ComponentType, Instance, Lift, Linker, Lower, Resource, ResourceTable, ResourceType, TypedFunc, WasmList,
};
use wasmtime::{AsContextMut, Error, Result, StoreContextMut};

use crate::console;

/// `wasi:io/streams.output-stream`, which is stdout always.
struct Stream;

/// `wasi:io/error.error`, of which there is none ever.
struct StreamFailure;

/// `wasi:io/streams.stream-error`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    LastOperationFailed(Resource<StreamFailure>),
    #[component(name = "closed")]
    Closed,
}

/// Adds stdout. `table` gives the store's resources.
///
/// # Errors
/// The linker has it already.
pub(crate) fn add_to_linker<T: 'static>(linker: &mut Linker<T>, table: fn(&mut T) -> &mut ResourceTable) -> Result<()> {
    linker.instance("wasi:io/error@0.2.0")?.resource(
        "error",
        ResourceType::host::<StreamFailure>(),
        move |mut store, rep| {
            let _failure: StreamFailure = table(store.data_mut()).delete(Resource::new_own(rep))?;
            Ok(())
        },
    )?;
    let mut streams = linker.instance("wasi:io/streams@0.2.0")?;
    streams.resource("output-stream", ResourceType::host::<Stream>(), move |mut store, rep| {
        let Stream = table(store.data_mut()).delete(Resource::new_own(rep))?;
        Ok(())
    })?;
    streams.func_wrap(
        "[method]output-stream.blocking-write-and-flush",
        |store: StoreContextMut<'_, T>,
         (_stream, bytes): (Resource<Stream>, WasmList<u8>)|
         -> Result<(Result<(), StreamError>,)> {
            console::pass_on(bytes.as_le_slice(&store));
            Ok((Ok(()),))
        },
    )?;
    linker.instance("wasi:cli/stdout@0.2.0")?.func_wrap("get-stdout", move |mut store: StoreContextMut<'_, T>, ()| {
        Ok((table(store.data_mut()).push(Stream)?,))
    })
}

/// `wasi:cli/run.run`.
pub(crate) type Run = TypedFunc<(), (core::result::Result<(), ()>,)>;

/// What runs the guest.
///
/// # Errors
/// It exports no such function.
pub(crate) fn run_of(instance: &Instance, mut store: impl AsContextMut) -> Result<Run> {
    let export = instance.get_export_index(&mut store, None, "wasi:cli/run@0.2.0");
    let run = instance.get_export_index(&mut store, export.as_ref(), "run");
    let run = run.ok_or_else(|| Error::msg("the guest has no wasi:cli/run"))?;
    instance.get_typed_func(&mut store, run)
}
