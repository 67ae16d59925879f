//! A guest that calls the test in the middle of what it does.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::StoreContextMut;

use super::{Hostile, Lowered, hostile_component};
use crate::guest::State;
use crate::world::World;

/// What the host does when it is called. An error is the caller's number 1.
pub type Deed = Box<dyn FnMut() -> wasmtime::Result<u64> + Send>;

/// A guest whose `call` does what `deed` holds, and gives 1 if that was an error.
/// `around` stores a byte, calls, and gives the byte that is there then.
///
/// # Panics
/// If it can't be instantiated.
#[must_use]
pub fn caller(world: &World, deed: &Arc<Mutex<Option<Deed>>>) -> Hostile {
    let lowered = [Lowered::of("deeds", "call", "call", ("", "i32"))];
    let imports = r#"(import "test:host/deeds" (instance $deeds (export "call" (func (result u32)))))"#;
    let around = r#"(func (export "around") (param i32 i32) (result i32)
        local.get 0 local.get 1 i32.store8 call $call drop local.get 0 i32.load8_u)"#;
    let lifts = r#"(func (export "around") (param "at" u32) (param "value" u32) (result u32)
        (canon lift (core func $g "around")))"#;
    let component = hostile_component(world.engine(), imports, &lowered, around, lifts);
    let mut linker = world.linker().clone();
    let deed = deed.clone();
    let call = move |_: StoreContextMut<'_, State>, ()| {
        let mut deed = deed.lock().unwrap_or_else(PoisonError::into_inner);
        let done = deed.as_mut().map(|deed| deed());
        Ok((u32::from(done.is_some_and(|done| done.is_err())),))
    };
    linker.instance("test:host/deeds").expect("free").func_wrap("call", call).expect("links");
    Hostile::component(world.store(), &component, &linker)
}
