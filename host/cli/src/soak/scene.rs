//! One domain of the soak, with its engine and what is published in it.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};

use anyhow::{Context, Result};
use memctl_wasmtime::{Domain, Mode, Quotas, Rights, Source};
use wasmtime::{Config, Engine, InstancePre};

use super::guest::{Guest, Layout, State, prepare};
use super::player::Way;
use super::random::Random;
use super::stamps;

/// How the guests of a domain share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On several threads, under leases.
    Parallel,
    /// One after the other on one thread, with leases and without.
    Turns,
}

/// What is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Thing {
    /// Holds stamps that are changed under leases.
    Stamped,
    /// Holds one stamp that guests in turns change as they like.
    Automatic,
    /// Anybody may change its length.
    Elastic,
    /// A file that another thread cuts off and makes longer again.
    File,
    /// An object of the guest's own.
    Own,
}

impl Thing {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stamped => stamps::STAMPED,
            Self::Automatic => stamps::AUTOMATIC,
            Self::Elastic => "elastic",
            Self::File => "file",
            Self::Own => "",
        }
    }

    /// Its length; at most, if it changes.
    pub(crate) fn granules(self) -> u64 {
        match self {
            Self::Stamped => 16,
            Self::File => 8,
            Self::Automatic | Self::Elastic | Self::Own => 4,
        }
    }

    pub(crate) fn holds_stamps(self) -> bool {
        matches!(self, Self::Stamped | Self::Automatic)
    }
}

impl Kind {
    /// What to map next, and how.
    pub(crate) fn mapping(self, random: &mut Random) -> (Thing, Way) {
        use Thing::{Elastic, File, Own, Stamped};
        use Way::{Aliasing, Automatic, Leased, Private};
        match self {
            Self::Parallel => {
                let thing = random.pick([Stamped, Stamped, Stamped, Stamped, Elastic, File, Own]);
                (thing, random.pick([Leased, Leased, Leased, Leased, Leased, Leased, Private, Automatic, Aliasing]))
            }
            Self::Turns => {
                match random.pick([Thing::Automatic, Thing::Automatic, Stamped, Stamped, Elastic, File, Own]) {
                    Thing::Automatic => (Thing::Automatic, random.pick([Automatic, Automatic, Automatic, Private])),
                    Stamped => (Stamped, random.pick([Leased, Leased, Leased, Private])),
                    thing => (thing, random.pick([Automatic, Leased, Leased, Aliasing, Private])),
                }
            }
        }
    }

    pub(crate) fn has_automatic(self) -> bool {
        self == Self::Turns
    }
}

/// What cuts a file off and makes it longer again.
pub(crate) struct Cut {
    pub(crate) file: Arc<File>,
    pub(crate) lengths: [u64; 4],
}

/// What interrupts guests that spin in this engine; none is to come after `Stop`.
pub(crate) enum Alarm {
    Ring(Engine),
    Stop,
}

/// Other threads that work for a scene.
#[derive(Clone)]
pub(crate) struct Helpers {
    pub(crate) alarm: Sender<Alarm>,
    pub(crate) cuts: SyncSender<Cut>,
}

/// A domain, and how to start guests in it.
pub(crate) struct Scene {
    pub(crate) kind: Kind,
    pub(crate) domain: Domain,
    pub(crate) layout: Layout,
    /// Whoever touches a leased window outside its leases is trapped.
    pub(crate) guarded: bool,
    pre: InstancePre<State>,
    file: Arc<File>,
    helpers: Helpers,
}

impl Scene {
    /// A domain for so many guests at a time.
    pub(crate) fn new(kind: Kind, mode: Mode, guests: u32, helpers: Helpers) -> Result<Self> {
        let layout = Layout { granule: memctl_wasmtime::host_page_size() };
        let granule = layout.granule;
        let file = tempfile::tempfile().context("no place for a file that is mapped; TMPDIR says where it goes")?;
        file.set_len(Thing::File.granules() * granule)?;
        let anonymous = |thing: Thing| Source::anonymous(thing.granules() * granule);
        // Small enough to be used up every now and then.
        let each = Quotas {
            objects: 5,
            object_bytes: 4 * granule,
            mappings: 7,
            mapped_bytes: 40 * granule,
            leases: 4,
            waiters: 1,
            protected_ranges: 4,
            blocks: 4,
            block_bytes: 4 * granule,
        };
        let all = Quotas {
            objects: 4 * guests,
            object_bytes: 3 * granule * u64::from(guests),
            mappings: 6 * guests,
            mapped_bytes: 30 * granule * u64::from(guests),
            leases: 3 * guests,
            waiters: 1 + guests / 2,
            protected_ranges: 3 * guests,
            blocks: 3 * guests,
            block_bytes: 3 * granule * u64::from(guests),
        };
        let mut builder = Domain::builder()
            .mode(mode)
            .guest_quotas(each)
            .quotas(all)
            .object(stamps::STAMPED, anonymous(Thing::Stamped), Rights::READ | Rights::WRITE)
            .object(Thing::Elastic.name(), anonymous(Thing::Elastic), Rights::all())
            .object(Thing::File.name(), Source::file(file.try_clone()?), Rights::READ | Rights::WRITE);
        if kind.has_automatic() {
            builder = builder.object(stamps::AUTOMATIC, anonymous(Thing::Automatic), Rights::READ | Rights::WRITE);
        } else {
            builder = builder.parallel();
        }
        let domain = builder.build()?;
        let mut config = Config::new();
        config.epoch_interruption(true);
        domain.configure(&mut config)?;
        let pre = prepare(&Engine::new(&config)?, layout)?;
        let mut scene = Self { kind, domain, layout, guarded: false, pre, file: Arc::new(file), helpers };
        let can: i32 = scene.guest()?.call("capabilities-of", (0, 0))?;
        scene.guarded = can & GUARDED != 0;
        Ok(scene)
    }

    pub(crate) fn guest(&self) -> Result<Guest> {
        Guest::start(&self.domain, &self.pre, &self.helpers.alarm)
    }

    pub(crate) fn dismiss_alarm(&self) {
        // Gone already, if another scene said so.
        let _heard = self.helpers.alarm.send(Alarm::Stop);
    }

    /// Has the file cut off and made longer again while the caller goes on.
    pub(crate) fn cut_file(&self, random: &mut Random) {
        let full = Thing::File.granules() * self.layout.granule;
        let lengths = [random.below(full + 1), full, random.below(full + 1) / 2, full];
        // If nobody has the time, there are cuts enough.
        let _asked = self.helpers.cuts.try_send(Cut { file: self.file.clone(), lengths });
    }
}

/// `domain.capabilities`, `guarded`.
const GUARDED: i32 = 1 << 8;
