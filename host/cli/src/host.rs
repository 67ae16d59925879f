//! One run of a program in one domain: the only file that knows how memory control is bound to wasmtime.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memctl_wasmtime::{Domain, MemctlCtx, MemctlCtxView, MemctlView, Mode, Quotas, Rights, Source};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::cli::OutputFile;
use wasmtime_wasi::p2::bindings::sync::CommandPre;
use wasmtime_wasi::{Deterministic, FsPerms, I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::args::BackendChoice;
use crate::program::Program;
use crate::progress::Progress;
use crate::setup::{Setup, open_object_file};
use crate::spec::{Access, ObjectSource, ObjectSpec, QuotaKey, QuotaSpec};
use crate::stdin::Replay;

/// What a run takes from the process that runs it, and what it keeps apart.
pub struct Surroundings {
    /// What the program reads from stdin.
    pub stdin: Stdin,
    /// Where its output goes.
    pub output: Output,
    /// Where its random numbers come from.
    pub randomness: Randomness,
}

/// What the program reads from stdin.
pub enum Stdin {
    /// This process's own.
    Inherited,
    /// A stdin that other runs get too.
    Replayed(Replay),
}

/// Where the program's output goes.
pub enum Output {
    /// To this process's stdout and stderr.
    Inherited,
    /// Into two files.
    Captured {
        /// What goes to stdout.
        stdout: File,
        /// What goes to stderr.
        stderr: File,
    },
}

/// Where the program's random numbers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Randomness {
    /// From the operating system.
    System,
    /// From a fixed sequence, the same in every run.
    Fixed,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It returned, or asked to exit.
    Exit(i32),
    /// It trapped.
    Trap {
        /// The trap in one line, without the backtrace.
        cause: String,
        /// All that is known, with the wasm backtrace.
        report: String,
    },
}

/// What a domain did in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes in all windows ever mapped.
    pub bytes_mapped: u64,
    /// Bytes moved between objects and windows.
    pub bytes_copied: u64,
    /// Mappings made.
    pub mappings: u64,
}

/// A run that is over. The published objects are still there.
pub struct Execution {
    /// How it ended.
    pub ending: Ending,
    /// From instantiation to the end, without compilation.
    pub time: Duration,
    /// What was mapped and copied.
    pub figures: Figures,
    domain: Domain,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    memctl: MemctlCtx,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl MemctlView for State {
    fn memctl(&mut self) -> MemctlCtxView<'_> {
        MemctlCtxView { ctx: &mut self.memctl, table: &mut self.table }
    }
}

/// Runs `program` to its end.
///
/// # Errors
/// It could not be started. Whatever it does once started, traps included, is an [`Ending`].
pub fn execute(
    program: &Program,
    backend: BackendChoice,
    setup: &Setup,
    surroundings: Surroundings,
) -> Result<Execution> {
    let domain = domain(backend, setup)?;
    // The domain has its say in how memories are made, so it comes before the engine.
    let mut config = Config::new();
    domain.configure(&mut config)?;
    let engine = Engine::new(&config)?;
    let component = {
        let _progress = Progress::spinner(format!("compiling {} for {}", program.path().display(), backend.name()));
        Component::from_binary(&engine, program.component())
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{}: can't compile it", program.path().display()))?
    };

    let mut linker = Linker::<State>::new(&engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    memctl_wasmtime::add_to_linker_sync(&mut linker)?;
    let ready =
        linker.instantiate_pre(&component).and_then(CommandPre::new).map_err(anyhow::Error::from).with_context(
            || {
                format!(
                    "{}: not a command that memctl can run (wasi:cli/run, WASI 0.2 and memory-control imports)",
                    program.path().display()
                )
            },
        )?;

    let wasi = wasi(setup, surroundings)?;
    let memctl = domain.context().build();
    let mut store = Store::new(&engine, State { wasi, table: ResourceTable::new(), memctl });
    memctl_wasmtime::attach(&mut store);

    let start = Instant::now();
    let result = ready.instantiate(&mut store).and_then(|command| command.wasi_cli_run().call_run(&mut store));
    let time = start.elapsed();
    let ending = match result {
        Ok(Ok(())) => Ending::Exit(0),
        Ok(Err(())) => Ending::Exit(1),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => Ending::Exit(exit.0),
            None => trap(&error, store.data_mut().memctl().ctx.last_fault()),
        },
    };
    // The guest's mappings end with its store: what they still have to publish must be in the objects.
    drop(store);
    let stats = domain.stats();
    let figures =
        Figures { bytes_mapped: stats.bytes_mapped, bytes_copied: stats.bytes_copied, mappings: stats.mappings };
    Ok(Execution { ending, time, figures, domain })
}

/// What is known about a trap. wasmtime's own `{:?}` would add a backtrace of this program.
fn trap(error: &wasmtime::Error, fault: Option<impl ToString>) -> Ending {
    let mut chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    if let Some(fault) = fault.map(|fault| fault.to_string())
        && !chain.iter().any(|link| link.contains(&fault))
    {
        chain.push(format!("memory control: {fault}"));
    }
    // The first link says where, with the wasm backtrace; the others say why.
    let cause = if chain.len() > 1 { chain[1..].join(": ") } else { chain.concat() };
    Ending::Trap { cause, report: chain.join("\n\nCaused by: ") }
}

fn domain(backend: BackendChoice, setup: &Setup) -> Result<Domain> {
    let mode = match backend {
        BackendChoice::Auto => Mode::Auto,
        BackendChoice::Alias => Mode::Alias,
        BackendChoice::Copy => Mode::Copy,
    };
    let guest = guest_quotas(&setup.quotas)?;
    let mut builder =
        Domain::builder().mode(mode).files().guest_quotas(guest).quotas(domain_quotas(guest, &setup.objects));
    for object in &setup.objects {
        let (source, rights) = match &object.source {
            ObjectSource::Zeroes(size) => (Source::anonymous(size.0), Rights::all()),
            ObjectSource::File(path, access) => {
                let file = open_object_file(path, *access)
                    .with_context(|| format!("--object {}={}", object.name, path.display()))?;
                let rights = match access {
                    Access::Read => Rights::READ,
                    Access::ReadWrite => Rights::all(),
                };
                (Source::file(file), rights)
            }
        };
        builder = builder.object(&object.name, source, rights);
    }
    builder.build().context("can't set memory control up (flags --backend and --object)")
}

fn guest_quotas(changes: &[QuotaSpec]) -> Result<Quotas> {
    let mut quotas = Quotas::GUEST;
    for QuotaSpec { key, value } in changes {
        let count = || u32::try_from(*value).context("--quota: a count has at most 32 bits");
        match key {
            QuotaKey::Objects => quotas.objects = count()?,
            QuotaKey::ObjectBytes => quotas.object_bytes = *value,
            QuotaKey::Mappings => quotas.mappings = count()?,
            QuotaKey::MappedBytes => quotas.mapped_bytes = *value,
            QuotaKey::Leases => quotas.leases = count()?,
        }
    }
    Ok(quotas)
}

/// Limits that never stop the only guest before its own do, nor the objects that the user asked for.
fn domain_quotas(guest: Quotas, published: &[ObjectSpec]) -> Quotas {
    let domain = Quotas::DOMAIN;
    let zeroes = published.iter().filter_map(|object| match object.source {
        ObjectSource::Zeroes(size) => Some(size.0),
        ObjectSource::File(..) => None,
    });
    Quotas {
        objects: domain.objects.max(guest.objects),
        object_bytes: zeroes.fold(domain.object_bytes.max(guest.object_bytes), u64::saturating_add),
        mappings: domain.mappings.max(guest.mappings),
        mapped_bytes: domain.mapped_bytes.max(guest.mapped_bytes),
        leases: domain.leases.max(guest.leases),
    }
}

fn wasi(setup: &Setup, surroundings: Surroundings) -> Result<WasiCtx> {
    let mut wasi = WasiCtx::builder();
    wasi.args(&setup.argv);
    for variable in &setup.env {
        wasi.env(&variable.name, &variable.value);
    }
    for dir in &setup.dirs {
        let perms = match dir.access {
            Access::Read => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        };
        wasi.preopened_dir(&dir.host, &dir.guest, perms)
            .map_err(anyhow::Error::from)
            .with_context(|| format!("--dir {}", dir.host.display()))?;
    }
    match surroundings.stdin {
        Stdin::Inherited => wasi.inherit_stdin(),
        Stdin::Replayed(stdin) => wasi.stdin(stdin),
    };
    match surroundings.output {
        Output::Inherited => wasi.inherit_stdout().inherit_stderr(),
        Output::Captured { stdout, stderr } => wasi.stdout(OutputFile::new(stdout)).stderr(OutputFile::new(stderr)),
    };
    match surroundings.randomness {
        Randomness::System => {}
        Randomness::Fixed => {
            wasi.secure_random(fixed_sequence()).insecure_random(fixed_sequence()).insecure_random_seed(0);
        }
    }
    Ok(wasi.build())
}

/// The same bytes every time, which look random and repeat only after 64 KiB.
fn fixed_sequence() -> Deterministic {
    // xorshift64 (Marsaglia, "Xorshift RNGs", 2003), with the shifts 13, 7, 17.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    Deterministic::new(words.take(8 << 10).flatten().collect())
}

impl Execution {
    /// Writes the final bytes of the object `name` to `file`. Long runs of zeroes become holes.
    ///
    /// # Errors
    /// The object can't be read, or the file can't be written.
    pub fn save_object(&self, name: &str, file: &mut File) -> Result<()> {
        const CHUNK: u64 = 1 << 16;
        let len = self.domain.object_size(name)?;
        let mut bytes = Vec::new();
        for offset in (0..len).step_by(usize::try_from(CHUNK)?) {
            bytes.resize(usize::try_from(CHUNK.min(len - offset))?, 0);
            self.domain.read_object(name, offset, &mut bytes)?;
            if bytes.iter().any(|byte| *byte != 0) {
                file.seek(SeekFrom::Start(offset))?;
                file.write_all(&bytes)?;
            }
        }
        file.set_len(len)?;
        Ok(())
    }
}
