//! A command, run in a domain of its own: what it prints and how it ends.

use memctl_instrument::{Options, instrument};
use memctl_tests::{State, guest_wasm};
use memctl_wasmtime::{Cause, Domain, FaultKind, Mode, StaticProtection, attach, instantiate};
use tempfile::TempDir;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::sync::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{FsPerms, I32Exit, WasiCtx};

/// Where programs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    /// Host pages protect.
    Alias,
    /// Nothing protects.
    Copy,
    /// Checks that were put into the program protect.
    Instrumented,
    /// As `Instrumented`, where nothing else could: an interpreter without signals.
    Interpreted,
}

impl Host {
    /// Where memory can be protected.
    pub(crate) const PROTECTING: [Self; 3] = [Self::Alias, Self::Instrumented, Self::Interpreted];

    fn mode(self) -> Mode {
        match self {
            Self::Alias => Mode::Alias,
            Self::Copy | Self::Instrumented | Self::Interpreted => Mode::Copy,
        }
    }
}

/// Tests a claim wherever memory can be protected.
pub(crate) fn wherever_it_is_enforced(claim: impl Fn(Host)) {
    for host in Host::PROTECTING {
        eprintln!("on {host:?}");
        claim(host);
    }
}

/// A program, compiled for a domain.
pub(crate) struct Program {
    domain: Domain,
    engine: Engine,
    component: Component,
    declared: StaticProtection,
    name: &'static str,
    /// What it sees as `/`.
    pub(crate) dir: TempDir,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) end: End,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Success,
    /// An exit status that is not 0.
    Failure,
    /// A trap, and the access that was stopped if it was that.
    Trapped(Option<Access>),
}

/// An access that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) address: u64,
    pub(crate) write: bool,
}

impl Program {
    /// What `package` builds as `name`, on a host.
    pub(crate) fn new(host: Host, package: &str, name: &'static str) -> Self {
        Self::of(host, name, built(package, name))
    }

    /// A program that is there already, on a host.
    pub(crate) fn of(host: Host, name: &'static str, mut wasm: Vec<u8>) -> Self {
        let domain = Domain::builder().mode(host.mode()).files().build().expect("the domain can be built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("configured");
        if host == Host::Interpreted {
            config.target("pulley64").expect("a target of this build").signals_based_traps(false);
        }
        let engine = Engine::new(&config).expect("the engine can be made");
        if matches!(host, Host::Instrumented | Host::Interpreted) {
            wasm = instrument(&wasm, &Options::default()).expect("the rewriter can handle it").wasm;
        }
        let component = Component::from_binary(&engine, &wasm).expect("compiles");
        let declared = StaticProtection::of(&wasm).expect("what it declares is right");
        Self { domain, engine, component, declared, name, dir: TempDir::new().expect("a temporary folder") }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let mut linker: Linker<State> = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("links");
        memctl_wasmtime::add_to_linker_sync(&mut linker).expect("links");
        let [stdout, stderr] = [(); 2].map(|()| MemoryOutputPipe::new(1 << 20));
        let mut wasi = WasiCtx::builder();
        wasi.arg(self.name).args(arguments).stdout(stdout.clone()).stderr(stderr.clone());
        wasi.preopened_dir(self.dir.path(), "/", FsPerms::ReadOnly).expect("the folder can be opened");
        let state = State::new(wasi.build(), self.domain.context().build());
        let mut store = Store::new(&self.engine, state);
        attach(&mut store);
        let ended =
            instantiate(&mut store, &self.declared, |store| Command::instantiate(store, &self.component, &linker))
                .and_then(|command| command.wasi_cli_run().call_run(&mut store));
        let end = match ended {
            Ok(Ok(())) => End::Success,
            Ok(Err(())) => End::Failure,
            Err(error) if error.downcast_ref::<I32Exit>().is_some() => End::Failure,
            Err(error) => {
                eprintln!("{} {arguments:?}: {error:?}", self.name);
                End::Trapped(store.data().memctl.last_fault().map(access))
            }
        };
        drop(store);
        let [out, err] = [stdout, stderr].map(|pipe| String::from_utf8(pipe.contents().to_vec()).expect("text"));
        Ran { out, err, end }
    }

    /// What it prints, when it ends well.
    #[track_caller]
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.end, End::Success, "{arguments:?}: {ran:?}");
        ran.out
    }

    /// It ends because this access was stopped; what it printed before.
    #[track_caller]
    pub(crate) fn stopped(&self, arguments: &[&str]) -> (String, Access) {
        let ran = self.run(arguments);
        let End::Trapped(Some(access)) = ran.end else { panic!("{arguments:?}: {ran:?}") };
        (ran.out, access)
    }
}

/// The component that `package` builds as `name`.
pub(crate) fn built(package: &str, name: &str) -> Vec<u8> {
    std::fs::read(guest_wasm(package, "wasm32-wasip2", &format!("{name}.wasm"))).expect("it was built")
}

fn access(cause: Cause) -> Access {
    assert_eq!(cause.kind, FaultKind::Protection);
    Access { address: cause.address, write: cause.write.expect("the kind of access is known") }
}
