//! The bare firmware: wasmtime and one component on it. What the rest costs is measured against it.

use wasmtime::component::{Component, Linker, WasmList};
use wasmtime::{Engine, Error, Result, Store, StoreContextMut, ensure};

use crate::console::say;
use crate::engine::config;
use crate::report::figure;
use crate::sys::arena;
use crate::sys::image::image;

/// Says how full the arena is.
fn filled(after: &str) {
    let fill = arena::kernel_fill();
    say!("bare: {after}: {} bytes, at most {}", fill.now, fill.peak);
}

/// Runs the component.
///
/// # Errors
/// When wasmtime refuses it, or when its answer is wrong.
pub(crate) fn run() -> Result<()> {
    let image = image!("hello");
    figure("embedded", image.len());
    let engine = Engine::new(&config()?)?;
    filled("engine");
    let component: Component = image.load(&engine)?;
    filled("component");
    let mut store = Store::try_new(&engine, 0usize)?;
    store.set_fuel(1_000_000)?;
    let mut linker = Linker::<usize>::new(&engine);
    linker.instance("host:io/sink")?.func_wrap(
        "put",
        |mut store: StoreContextMut<'_, usize>, (list,): (WasmList<u8>,)| {
            let seen = list.as_le_slice(&store).len();
            say!("bare: the guest says: {}", core::str::from_utf8(list.as_le_slice(&store)).map_err(Error::from)?);
            *store.data_mut() += seen;
            Ok((u32::try_from(seen)?,))
        },
    )?;
    let instance = linker.instantiate(&mut store, &component)?;
    filled("instance");
    let (sum,) = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run")?.call(&mut store, (1000,))?;
    ensure!(sum == 1028 && *store.data() == 28, "the guest answered {sum}");
    filled("call");
    Ok(())
}
