//! One run of a program in one domain: the only file that knows how memory control is bound to wasmtime.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use memctl_wasmtime::{
    Cause, Domain, FaultKind, HeapOptions, MemctlCtx, MemctlCtxView, MemctlView, Mode, Quotas, Rights, Source,
    StaticProtection, Stats, Violation,
};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::sync::CommandPre;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::args::{BackendChoice, EngineChoice};
use crate::program::Program;
use crate::progress::Progress;
use crate::setup::{Setup, open_object_file};
use crate::spec::{Access, HeapSpec, ObjectSource, ObjectSpec, QuotaKey, QuotaSpec};
use crate::surroundings::Surroundings;

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
    /// How many of them were aliases.
    pub aliased: u64,
    /// How many showed their object in place, by a window's base.
    pub in_place: u64,
    /// How many held a copy.
    pub copied: u64,
}

impl From<Stats> for Figures {
    fn from(stats: Stats) -> Self {
        let Stats { mappings, bytes_mapped, bytes_copied, aliased, in_place, copied } = stats;
        Self { bytes_mapped, bytes_copied, mappings, aliased, in_place, copied }
    }
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

/// How a program is kept to its leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// As everywhere.
    Usual,
    /// What touches a leased window outside them traps.
    Audited,
}

/// Runs `program` to its end.
///
/// # Errors
/// It could not be started. Whatever it does once started, traps included, is an [`Ending`].
pub fn execute(
    program: &Program,
    backend: BackendChoice,
    leases: Leases,
    setup: &Setup,
    surroundings: Surroundings,
) -> Result<Execution> {
    let domain = domain(backend, leases, setup)?;
    // The domain has its say in how memories are made, so it comes before the engine.
    let mut config = Config::new();
    domain.configure(&mut config)?;
    if backend == BackendChoice::Copy {
        configure(&mut config, setup.engine);
    }
    let engine = Engine::new(&config)?;
    let component = {
        let _progress = Progress::spinner(format!("compiling {} for {}", program.path().display(), backend.name()));
        Component::from_binary(&engine, program.component())
            .map_err(anyhow::Error::from)
            .with_context(|| format!("{}: can't compile it", program.path().display()))?
    };

    let protection = StaticProtection::of(program.component())
        .with_context(|| format!("{}: can't tell what it declares", program.path().display()))?;
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

    let wasi = surroundings.wasi(setup)?;
    let memctl = domain.context().build();
    let mut store = Store::new(&engine, State { wasi, table: ResourceTable::new(), memctl });
    memctl_wasmtime::attach(&mut store);

    let start = Instant::now();
    let result = memctl_wasmtime::instantiate(&mut store, &protection, |store| ready.instantiate(store))
        .and_then(|command| command.wasi_cli_run().call_run(&mut store));
    let time = start.elapsed();
    let ending = match result {
        Ok(Ok(())) => Ending::Exit(0),
        Ok(Err(())) => Ending::Exit(1),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => Ending::Exit(exit.0),
            None => trap(&error, leases, store.data_mut().memctl().ctx.last_fault()),
        },
    };
    // The guest's mappings end with its store: what they still have to publish must be in the objects.
    drop(store);
    let figures = Figures::from(domain.stats());
    Ok(Execution { ending, time, figures, domain })
}

/// What is known about a trap. wasmtime's own `{:?}` would add a backtrace of this program.
fn trap(error: &wasmtime::Error, leases: Leases, fault: Option<Cause>) -> Ending {
    let mut chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    // The first link says where, with the wasm backtrace; the others say why.
    let mut causes = 1;
    // Compiled code traps by itself: then the engine doesn't know why. The first fault of several is the one that the chain tells.
    if let Some(fault) = fault
        && error.downcast_ref::<Violation>().is_none()
    {
        // The engine words it as hardware or a check told it: what is stopped is the same.
        causes = chain.len();
        chain.push(format!("memory-control: {fault}"));
    }
    if leases == Leases::Audited && fault.is_some_and(|fault| fault.kind == FaultKind::Protection) {
        chain.push(String::from(
            "under --audit a leased window can be touched only while a guard on that part of it is alive",
        ));
    }
    let cause = if chain.len() > causes { chain[causes..].join(": ") } else { chain.concat() };
    Ending::Trap { cause, report: chain.join("\n\nCaused by: ") }
}

fn configure(config: &mut Config, engine: EngineChoice) {
    match engine {
        EngineChoice::Server => {}
        EngineChoice::Board => {
            config.memory_reservation(0).memory_guard_size(0).memory_reservation_for_growth(0);
            config.signals_based_traps(false);
        }
    }
}

fn domain(backend: BackendChoice, leases: Leases, setup: &Setup) -> Result<Domain> {
    let mode = match backend {
        BackendChoice::Auto => Mode::Auto,
        BackendChoice::Alias => Mode::Alias,
        BackendChoice::Copy => Mode::Copy,
    };
    let guest = guest_quotas(&setup.quotas)?;
    let mut builder =
        Domain::builder().mode(mode).files().guest_quotas(guest).quotas(domain_quotas(guest, &setup.objects));
    if leases == Leases::Audited {
        builder = builder.audit();
    }
    if setup.advisory_protection {
        builder = builder.advisory_protection();
    }
    for object in &setup.objects {
        let (source, rights) = match &object.source {
            ObjectSource::Zeroes(size) => (Source::anonymous(size.0), Rights::all()),
            ObjectSource::File(path, access) => {
                let file = open_object_file(path, *access)
                    .with_context(|| format!("--object {}={}", object.name, path.display()))?;
                let rights = match access {
                    Access::Read => Rights::READ,
                    Access::ReadWrite => Rights::READ | Rights::WRITE,
                };
                (Source::file(file), rights)
            }
        };
        builder = builder.object(&object.name, source, rights);
    }
    for HeapSpec { name, size, max } in &setup.heaps {
        let options = HeapOptions { max_len: max.0, ..HeapOptions::default() };
        builder = builder.heap(name, Source::anonymous(size.0), options);
    }
    builder.build().context("can't set memory control up (flags --backend, --object and --heap)")
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
            QuotaKey::Waiters => quotas.waiters = count()?,
            QuotaKey::ProtectedRanges => quotas.protected_ranges = count()?,
            QuotaKey::Blocks => quotas.blocks = count()?,
            QuotaKey::BlockBytes => quotas.block_bytes = *value,
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
        waiters: domain.waiters.max(guest.waiters),
        protected_ranges: domain.protected_ranges.max(guest.protected_ranges),
        blocks: domain.blocks.max(guest.blocks),
        block_bytes: domain.block_bytes.max(guest.block_bytes),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_limits_in_the_help_are_the_limits() {
        let help = Cli::command().find_subcommand_mut("run").unwrap().render_long_help().to_string();
        let line = help.lines().find_map(|line| line.strip_prefix("Limits, without --quota: ")).unwrap();
        let quotas: Vec<QuotaSpec> =
            line.trim_end_matches('.').split(", ").map(|quota| quota.parse().unwrap()).collect();
        assert_eq!(quotas.len(), QuotaKey::NAMES.len());
        assert_eq!(guest_quotas(&quotas).unwrap(), Quotas::GUEST);
    }

    #[test]
    fn the_domain_never_refuses_what_the_flags_allow() {
        let line = ["memctl", "run", "--quota=leases=100000", "--object=o=9GiB", "--object=p=1GiB", "app.wasm"];
        let Command::Run(args) = Cli::parse_from(line).command else { unreachable!("the line says run") };
        let guest = guest_quotas(&args.guest.quotas).unwrap();
        let domain = domain_quotas(guest, &args.guest.objects);
        assert_eq!((guest.leases, domain.leases), (100_000, 100_000));
        assert_eq!(domain.object_bytes, Quotas::DOMAIN.object_bytes + (10 << 30));
    }
}
