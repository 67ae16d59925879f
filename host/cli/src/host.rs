//! One run of one program or several in one domain.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use anyhow::{Context, Result};
use memctl_wasmtime::{Domain, HeapOptions, Mode, Quotas, Rights, Source, Stats};
use wasmtime::{Config, Engine};

use crate::args::{BackendChoice, EngineChoice};
use crate::feed::Feed;
use crate::guest::{Guest, Turn};
use crate::program::Program;
use crate::progress::Progress;
use crate::setup::{Setup, open_object_file};
use crate::spec::{Access, HeapSpec, ObjectSource, ObjectSpec, QuotaKey, QuotaSpec};
use crate::surroundings::Surroundings;

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
        let Stats { mappings, bytes_mapped, bytes_copied, bytes_clean: _, aliased, in_place, copied } = stats;
        Self { bytes_mapped, bytes_copied, mappings, aliased, in_place, copied }
    }
}

/// A run that is over. The published objects are still there.
pub struct Execution {
    /// How every turn of every program ended, in the order in which they were taken.
    pub turns: Vec<Turn>,
    /// From instantiation to the end, without compilation.
    pub time: Duration,
    /// What was mapped and copied.
    pub figures: Figures,
    domain: Domain,
}

/// How a program is kept to its leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// As everywhere.
    Usual,
    /// What touches a leased window outside them traps.
    Audited,
}

/// Runs the programs in one domain, each in a store of its own. They take turns, first to last, round after round: in a turn a program runs to its end.
///
/// # Errors
/// One could not be started. Whatever they do once started, traps included, is an [`Ending`](crate::guest::Ending).
pub fn execute(
    programs: &[Program],
    backend: BackendChoice,
    leases: Leases,
    setup: &Setup,
    surroundings: &Surroundings,
) -> Result<Execution> {
    let domain = domain(backend, leases, setup, programs.len())?;
    // The domain has its say in how memories are made, so it comes before the engine.
    let mut config = Config::new();
    config.wasm_custom_page_sizes(true);
    domain.configure(&mut config)?;
    if backend == BackendChoice::Copy {
        configure(&mut config, setup.engine);
    }
    let engine = Engine::new(&config)?;
    let compiled = programs.iter().map(|program| {
        let _progress = Progress::spinner(format!("compiling {} for {}", program.path().display(), backend.name()));
        Guest::compile(&engine, program)
    });
    let mut guests: Vec<_> = compiled.collect::<Result<_>>()?;

    let mut feeds: Vec<_> = setup.feeds.iter().map(|feed| Feed::new(&domain, feed)).collect::<Result<_>>()?;

    let mut turns = Vec::new();
    let mut time = Duration::ZERO;
    for number in 1..=setup.turns {
        feeds.iter_mut().try_for_each(Feed::advance)?;
        for (guest, argv) in guests.iter_mut().zip(&setup.argvs) {
            let begin = || Ok((surroundings.wasi(setup, argv)?, domain.context().build()));
            let (ending, took) = guest.turn(leases, begin)?;
            time += took;
            turns.push(Turn { program: guest.name().into_owned(), number, ending });
        }
    }
    // Mappings end with the guests' stores: what they still have to publish must be in the objects.
    drop(guests);
    let figures = Figures::from(domain.stats());
    Ok(Execution { turns, time, figures, domain })
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

fn domain(backend: BackendChoice, leases: Leases, setup: &Setup, guests: usize) -> Result<Domain> {
    let mode = match backend {
        BackendChoice::Auto => Mode::Auto,
        BackendChoice::Alias => Mode::Alias,
        BackendChoice::Copy => Mode::Copy,
    };
    let guest = guest_quotas(&setup.quotas)?;
    let quotas = domain_quotas(guest, guests, &setup.objects);
    let mut builder = Domain::builder().mode(mode).files().guest_quotas(guest).quotas(quotas);
    if leases == Leases::Audited {
        builder = builder.audit();
    }
    if setup.advisory_protection {
        builder = builder.advisory_protection();
    }
    if let Some(granule) = setup.granule.filter(|_| backend == BackendChoice::Copy) {
        builder = builder.granule(granule);
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
    builder.build().context("can't set memory control up (flags --backend, --granule, --object and --heap)")
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

/// Limits that never stop so many guests before their own do, nor the objects that the user asked for.
fn domain_quotas(guest: Quotas, guests: usize, published: &[ObjectSpec]) -> Quotas {
    let domain = Quotas::DOMAIN;
    let guests = u32::try_from(guests).unwrap_or(u32::MAX);
    let count = |domain: u32, guest: u32| domain.max(guest.saturating_mul(guests));
    let bytes = |domain: u64, guest: u64| domain.max(guest.saturating_mul(guests.into()));
    let zeroes = published.iter().filter_map(|object| match object.source {
        ObjectSource::Zeroes(size) => Some(size.0),
        ObjectSource::File(..) => None,
    });
    Quotas {
        objects: count(domain.objects, guest.objects),
        object_bytes: zeroes.fold(bytes(domain.object_bytes, guest.object_bytes), u64::saturating_add),
        mappings: count(domain.mappings, guest.mappings),
        mapped_bytes: bytes(domain.mapped_bytes, guest.mapped_bytes),
        leases: count(domain.leases, guest.leases),
        waiters: count(domain.waiters, guest.waiters),
        protected_ranges: count(domain.protected_ranges, guest.protected_ranges),
        blocks: count(domain.blocks, guest.blocks),
        block_bytes: bytes(domain.block_bytes, guest.block_bytes),
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
        let domain = domain_quotas(guest, 1, &args.guest.objects);
        assert_eq!((guest.leases, domain.leases), (100_000, 100_000));
        assert_eq!(domain_quotas(guest, 3, &[]).leases, 300_000);
        assert_eq!(domain.object_bytes, Quotas::DOMAIN.object_bytes + (10 << 30));
    }
}
