//! The same program, not as a component: an embedder of core modules calls it by the canonical ABI's names.

use memctl_tests::{BACKENDS, with_windows_core};
use memctl_wasmtime::{Code, Domain, MemctlCtx, Rights, Source, add_to_core_linker_sync};
use wasmtime::{Config, Engine, Instance, Linker, Module, Store, Val};

use crate::scene::{GRANULE, NARROW, WIDE, windows};

struct Core {
    store: Store<MemctlCtx>,
    instance: Instance,
}

impl Core {
    fn call(&mut self, name: &str, arguments: &[Val]) -> wasmtime::Result<Option<Val>> {
        let name = format!("memctl:windows-guest/raw@0.1.0#{name}");
        let func = self.instance.get_func(&mut self.store, &name).expect("exported");
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, arguments, &mut results)?;
        Ok(results.pop())
    }

    #[track_caller]
    fn number(&mut self, name: &str, arguments: &[Val]) -> i64 {
        match self.call(name, arguments).expect("does not trap") {
            Some(Val::I64(number)) => number,
            Some(Val::I32(number)) => number.into(),
            None => 0,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn bind(
        &mut self,
        window: i32,
        (start, len): (u64, u64),
        object: i32,
        [protection, sharing, coherence]: [i32; 3],
    ) -> i64 {
        let [start, len] = [start, len].map(u64::cast_signed);
        let mut arguments = vec![Val::I32(window), Val::I64(start), Val::I64(len), Val::I32(object), Val::I64(0)];
        arguments.extend([protection, sharing, coherence].map(Val::I32));
        self.number("bind", &arguments)
    }
}

fn on_every_backend(claim: impl Fn(&Domain, Core)) {
    let wasm = with_windows_core("guest-windows", &windows());
    for mode in BACKENDS {
        eprintln!("on {mode:?}");
        let object = Source::anonymous(4 * GRANULE);
        let domain = Domain::builder().mode(mode).object("a", object, Rights::all()).build().expect("built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        let engine = Engine::new(&config).expect("the engine can be made");
        let module = Module::new(&engine, &wasm).expect("compiles");
        let mut linker: Linker<MemctlCtx> = Linker::new(&engine);
        add_to_core_linker_sync(&mut linker, |ctx| ctx).expect("links");
        linker.define_unknown_imports_as_traps(&module).expect("links");
        let mut store = Store::new(&engine, domain.context().build());
        let crossing = store.data().crossing(store.engine());
        store.call_hook(move |_, hook| Ok(crossing(hook)?));
        let instance = linker.instantiate(&mut store, &module).expect("instantiates");
        claim(&domain, Core { store, instance });
    }
}

#[test]
fn a_core_module_binds_rebinds_and_unbinds_its_windows() {
    on_every_backend(|domain, mut core| {
        assert_eq!(core.number("count", &[]), 3);
        let sizes = [1, 2, 3].map(|window| core.number("size", &[Val::I32(window)]));
        assert_eq!(sizes, [NARROW, NARROW, WIDE].map(u64::cast_signed));
        assert_eq!(core.number("size", &[Val::I32(4)]), -1 - Code::NotFound as i64);
        let object = i32::try_from(core.number("open", &[Val::I32(0)])).expect("an index");
        let all = (5 << 30, 4 * GRANULE);
        assert_eq!(core.bind(3, (1, GRANULE), object, [2, 0, 0]), -1 - Code::Alignment as i64);
        let bound = core.bind(3, all, object, [2, 0, 0]);
        assert!(bound >= 0, "{bound}");
        let bound = Val::I32(i32::try_from(bound).expect("an index"));
        core.call("put", &[Val::I32(3), Val::I64((5 << 30) + 9), Val::I32(66)]).expect("does not trap");
        let mut bytes = [0; 10];
        domain.read_object("a", 0, &mut bytes).expect("free");
        assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 66]);
        let other = i32::try_from(core.number("anonymous", &[Val::I64(4 * GRANULE as i64)])).expect("an index");
        let mut rebind = vec![bound, Val::I32(other), Val::I64(0)];
        rebind.extend([2, 1, 0].map(Val::I32));
        assert_eq!(core.number("rebind", &rebind), 0);
        assert_eq!(core.number("get", &[Val::I32(3), Val::I64((5 << 30) + 9)]), 0);
        assert_eq!(core.number("unbind", &[bound]), 0);
        assert_eq!(core.number("unbind", &[bound]), -1 - Code::Stale as i64);
        core.call("get", &[Val::I32(1), Val::I64(NARROW.cast_signed())]).expect_err("traps");
    });
}
