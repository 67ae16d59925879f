//! Stores that are called with `call_async`: the guest runs on a stack of its own, which moves from thread to thread.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use memctl_tests::hostile::{Lowered, RESULT, hostile_component, map_arguments};
use memctl_tests::{AUTOMATIC, GRANULE, LEASED, PRIVATE, State};
use wasmtime::Store;
use wasmtime::component::{Component, Instance, Linker, Val};

use crate::scene::{BAD, Bad, PAGE, Scene, WINDOW, assert_cause};

/// The host's functions: they wait before and after they touched the guest's bytes.
fn linker(scene: &Scene, threads: &Arc<Mutex<HashSet<ThreadId>>>) -> Linker<State> {
    let mut linker = Linker::new(scene.world.engine());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("wasmtime-wasi links");
    memctl_wasmtime::add_to_linker_async(&mut linker).expect("memory control links");
    let mut waits = linker.instance("test:host/waits").expect("free");
    let seen = threads.clone();
    waits
        .func_wrap_async("take", move |_, (bytes,): (Vec<u8>,)| {
            let seen = seen.clone();
            Box::new(async move {
                std::hint::black_box(bytes);
                wander(&seen).await;
                Ok(())
            })
        })
        .expect("links");
    let seen = threads.clone();
    waits
        .func_wrap_async("give", move |_, ()| {
            let seen = seen.clone();
            Box::new(async move {
                wander(&seen).await;
                Ok((vec![1_u8; 3 * PAGE as usize],))
            })
        })
        .expect("links");
    linker
}

/// Yields until the fiber was on several threads, or often enough.
async fn wander(seen: &Mutex<HashSet<ThreadId>>) {
    for _ in 0..20 {
        seen.lock().expect("not poisoned").insert(std::thread::current().id());
        tokio::task::yield_now().await;
    }
}

fn component(scene: &Scene) -> Component {
    let lowered =
        [Lowered::of("waits", "take", "take", ("i32 i32", "")), Lowered::of("waits", "give", "give", ("i32", ""))];
    let imports = r#"(import "test:host/waits" (instance $waits
        (export "take" (func (param "it" (list u8))))
        (export "give" (func (result (list u8))))))"#;
    hostile_component(scene.world.engine(), imports, &lowered, "", "")
}

struct Guest {
    store: Store<State>,
    instance: Instance,
}

impl Guest {
    async fn call(&mut self, name: &str, numbers: &[u64]) -> wasmtime::Result<()> {
        let func = self.instance.get_func(&mut self.store, name).expect("exported");
        let ty = func.ty(&self.store);
        let arguments: Vec<Val> = ty
            .params()
            .zip(numbers)
            .map(|((_, ty), number)| match ty {
                wasmtime::component::Type::U64 => Val::U64(*number),
                _ => Val::U32(u32::try_from(*number).expect("32 bits")),
            })
            .collect();
        let mut results = vec![Val::Bool(false); ty.results().len()];
        func.call_async(&mut self.store, &arguments, &mut results).await
    }
}

const CALLS: [(&str, u64, &[u64]); 6] = [
    ("take", 0, &[BAD.start as u64, 9]),
    ("take", 0, &[BAD.start as u64 - 5, 10]),
    ("give", BAD.start as u64, &[RESULT as u64]),
    ("give", BAD.end as u64 - 8, &[RESULT as u64]),
    ("fill", 0, &[BAD.start as u64, 7, 300]),
    ("load8", 0, &[BAD.end as u64 - 1]),
];

/// Runs every call in a domain of its own, in one guest after the other.
async fn all_calls(threads: Arc<Mutex<HashSet<ThreadId>>>) {
    let mut scene = Scene::new();
    let (linker, component) = (linker(&scene, &threads), component(&scene));
    for ask in [AUTOMATIC, LEASED, PRIVATE] {
        for (call, aim, arguments) in CALLS {
            let mut store = scene.world.store();
            let instance = linker.instantiate_async(&mut store, &component).await.expect("instantiates");
            let mut guest = Guest { store, instance };
            scene.make_whole();
            for (at, letter) in (0..).zip(b"file") {
                guest.call("store8", &[at, u64::from(*letter)]).await.expect("stores");
            }
            guest.call("open", &[0, 4, RESULT.into()]).await.expect("opens");
            // The first of an instance's handles is 1.
            guest.call("map", &map_arguments(WINDOW, 4 * GRANULE, 1, ask, RESULT)).await.expect("runs");
            assert_eq!(guest.store.data().memctl.usage().mappings, 1);
            scene.cut_off();
            guest.call("aim", &[aim]).await.expect("aims");
            let what = format!("{call}, {arguments:?}, {ask:?}");
            let trap = guest.call(call, arguments).await.expect_err(&what);
            assert_cause(&trap, guest.store.data().memctl.last_fault(), Bad::Gone, &what);
            drop(guest);
            scene.assert_others_go_on(&what);
        }
    }
}

#[test]
fn faults_on_stacks_that_move_between_threads_are_contained() {
    let threads = Arc::<Mutex<HashSet<ThreadId>>>::default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let tasks: Vec<_> = (0..6).map(|_| tokio::spawn(all_calls(threads.clone()))).collect();
        for task in tasks {
            task.await.expect("all of it is contained");
        }
    });
    assert!(threads.lock().expect("not poisoned").len() > 1, "they were on several threads");
}
