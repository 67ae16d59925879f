//! A domain with its engine, and the guests that live in it.

use std::sync::OnceLock;

use memctl_core::Quotas;
use memctl_model::{Act, Answer, Checksum, FILE, GUESTS, How, Looks, Outcome, Range, Setting, Step};
use memctl_tests::Build;
use memctl_wasmtime::{Domain, DomainBuilder, Mode, Source, attach};
use tempfile::TempDir;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx};

use crate::guest::{self, Errand, Guest, State, StepperPre};

/// How windows show objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Alias,
    /// With leased windows inaccessible outside leases: no program that keeps to the rules notices.
    Audited,
    Copy,
    /// As `Copy`; and the guests' own code checks what they do, which no program notices.
    Instrumented,
}

/// What a world's guests have in common.
struct Ground {
    domain: Domain,
    engine: Engine,
    pre: StepperPre<State>,
    dir: TempDir,
}

/// A world of guests.
#[derive(Default)]
pub(crate) struct House {
    /// Nothing is left here while the house is on an errand.
    ground: Option<Box<Ground>>,
    /// Nobody sits where a guest is inside right now.
    seats: [Option<Guest>; GUESTS],
}

/// Where the memory that programs use starts: in every guest at the same address.
pub(crate) fn start() -> u64 {
    static START: OnceLock<u64> = OnceLock::new();
    *START.get_or_init(|| {
        let ground = Ground::new(Backend::Copy, |domain, _| domain);
        ground.guest().1
    })
}

impl Ground {
    fn new(backend: Backend, build: impl FnOnce(DomainBuilder, &TempDir) -> DomainBuilder) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let builder = Domain::builder().files();
        let builder = match backend {
            Backend::Alias => builder.mode(Mode::Alias),
            Backend::Audited => builder.mode(Mode::Alias).audit(),
            Backend::Copy | Backend::Instrumented => builder.mode(Mode::Copy),
        };
        let domain = build(builder, &dir).build().expect("the domain can be built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("the fault handler can be put in place");
        let engine = Engine::new(&config).expect("the engine can be made");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker).expect("wasmtime-wasi links");
        memctl_wasmtime::add_to_linker_sync(&mut linker).expect("memory control links");
        guest::add_to_linker(&mut linker).expect("the stepper's host links");
        let build = if backend == Backend::Instrumented { Build::Instrumented } else { Build::Plain };
        let component = memctl_tests::component(&engine, "guest-stepper", build);
        let pre = linker.instantiate_pre(&component).and_then(StepperPre::new).expect("all imports are there");
        Self { domain, engine, pre, dir }
    }

    /// A new guest, and where its memory for programs starts.
    fn guest(&self) -> (Guest, u64) {
        let mut wasi = WasiCtx::builder();
        wasi.preopened_dir(self.dir.path(), "/", FsPerms::ReadWrite).expect("the folder can be opened");
        let state = State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            memctl: self.domain.context().build(),
            errand: None,
        };
        let mut store = Store::new(&self.engine, state);
        attach(&mut store);
        let bindings = self.pre.instantiate(&mut store).expect("the stepper instantiates");
        let start = bindings.memctl_stepper_steps().call_prepare(&mut store).expect("there is memory");
        (Guest { store, bindings }, start)
    }

    /// A new guest, whose memory is where it should be.
    fn seated(&self) -> Option<Guest> {
        let (guest, start) = self.guest();
        assert_eq!(start, self::start());
        Some(guest)
    }
}

impl House {
    /// Everything that a setting says is published, and a guest in every seat.
    pub(crate) fn new(backend: Backend, setting: &Setting) -> Self {
        let ground = Box::new(Ground::new(backend, |mut domain, dir| {
            for (name, size, rights) in setting.published() {
                let source = if name == FILE { file(dir, size) } else { Source::anonymous(size) };
                domain = domain.object(name, source, rights);
            }
            if backend == Backend::Copy {
                domain = domain.granule(setting.granule);
            }
            domain.quotas(setting.domain).guest_quotas(setting.guest)
        }));
        let seats = std::array::from_fn(|_| ground.seated());
        Self { ground: Some(ground), seats }
    }

    fn ground(&self) -> &Ground {
        self.ground.as_ref().expect("the house is here")
    }

    fn act(&mut self, seat: usize, act: &Act, looks: &Looks) -> Outcome {
        let mut guest = self.seats[seat].take().expect("nobody acts twice at a time");
        if let Act::Cross { meanwhile, .. } = act {
            let (house, step) = (std::mem::take(self), meanwhile.as_deref().cloned());
            guest.store.data_mut().errand = Some(Errand { house, step, looks: looks.clone(), outcome: None });
        }
        let (answer, seen) = guest.step(act, &looks[seat]);
        let errand = guest.store.data_mut().errand.take();
        let outcome = errand.and_then(|errand| {
            *self = errand.house;
            errand.outcome
        });
        self.seats[seat] = Some(guest);
        Outcome { answer, seen, meanwhile: outcome.map(Box::new) }
    }

    fn read(&self, name: &str) -> Result<u64, memctl_core::Error> {
        let domain = &self.ground().domain;
        let mut bytes = vec![0; usize::try_from(domain.object_size(name)?).expect("objects are small")];
        domain.read_object(name, 0, &mut bytes)?;
        Ok(Checksum::of(&[(0, 0)], |_| bytes.clone()))
    }
}

impl memctl_model::World for House {
    fn perform(&mut self, step: &Step, looks: &Looks) -> Outcome {
        let code = |error: memctl_core::Error| error.code();
        match step {
            Step::Guest(seat, act) => self.act(*seat, act, looks),
            Step::Read(name) => Outcome::unseen(self.read(name).map_err(code).into()),
            Step::Write { object, offset, bytes } => {
                let written = self.ground().domain.write_object(object, *offset, bytes);
                Outcome::unseen(written.map(|()| 0).map_err(code).into())
            }
            Step::End(seat, How::Told) => {
                self.seats[*seat].as_mut().expect("nobody is inside").store.data_mut().memctl.end();
                Outcome::unseen(Answer::Gave(0))
            }
            Step::End(seat, How::Dropped) => {
                self.seats[*seat] = None;
                self.seats[*seat] = self.ground().seated();
                Outcome::unseen(Answer::Gave(0))
            }
            Step::RenewMemory(_) => unreachable!("a guest keeps its memory"),
        }
    }

    fn load(&mut self, seat: usize, range: Range) -> Vec<u8> {
        let guest = self.seats[seat].as_mut().expect("nobody is inside");
        guest.load(range).unwrap_or_default()
    }

    fn usage(&self, seat: usize) -> Quotas {
        self.seats[seat].as_ref().expect("nobody is inside").store.data().memctl.usage()
    }

    fn total_usage(&self) -> Quotas {
        self.ground().domain.usage()
    }

    /// The domain doesn't say.
    fn objects(&self) -> Option<usize> {
        None
    }
}

/// A file of zero bytes in the folder.
fn file(dir: &TempDir, size: u64) -> Source {
    let path = dir.path().join(FILE);
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(path);
    let file = file.expect("the file can be made");
    file.set_len(size).expect("the file can be extended");
    Source::file(file)
}
