//! A hostile guest whose window went bad, and those who must not notice.

use std::fmt::Debug;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memctl_tests::hostile::{Hostile, hostile_component, hostile_module};
use memctl_tests::{AUTOMATIC, Ask, GRANULE, Guest, LEASED, Mapped, PRIVATE, State, World, violation};
use memctl_wasmtime::{Cause, FaultKind, Mode, Rights, Source, Violation};
use wasmtime::component::{Component, Linker};
use wasmtime::{Error, Module, Trap};

/// The first byte of the hostile guest's window.
pub(crate) const WINDOW: u32 = 0x4_0000;
/// The host page, which is the granule here.
pub(crate) const PAGE: u32 = 4096;
/// The bytes of the window that went bad: its second half. There is ordinary memory behind it.
pub(crate) const BAD: Range<u32> = WINDOW + 2 * PAGE..WINDOW + 4 * PAGE;
/// Bytes that the guest shares with others.
pub(crate) const SHARED: u32 = 0x10_0000;

/// Bytes in the file that the window shows, all of them 7.
const LEN: u64 = 4 * GRANULE;
/// What is left of the file when it is cut off.
const LEFT: u64 = GRANULE + 100;

/// How pages of a window went bad. Every test of this suite runs for every kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// The file was cut off.
    Gone,
    /// The file was cut off, code of the guest ran into it, and the file is whole again: its pages are inaccessible.
    Forbidden,
}

impl Bad {
    /// For guests that can't be entered after a trap.
    pub(crate) const OF_COMPONENTS: [Self; 1] = [Self::Gone];
    /// For guests that can.
    pub(crate) const OF_MODULES: [Self; 2] = [Self::Gone, Self::Forbidden];

    pub(crate) fn kind(self) -> FaultKind {
        match self {
            Self::Gone => FaultKind::Vanished,
            Self::Forbidden => FaultKind::Protection,
        }
    }

    /// Makes the window's second half bad.
    fn spoil(self, file: &File, guest: &mut Hostile) {
        file.set_len(LEFT).expect("cut");
        if self == Self::Forbidden {
            for page in BAD.step_by(PAGE as usize) {
                guest.try_call("load8", &[u64::from(page) + 1000]).expect_err("its page is gone");
            }
            restore(file);
        }
    }
}

fn restore(file: &File) {
    file.set_len(LEN).expect("longer");
    let sevens = vec![7; usize::try_from(LEN).expect("small")];
    file.write_all_at(&sevens, 0).expect("written");
}

/// One domain, on the backend that shows real pages, with somebody in it who must not notice anything.
pub(crate) struct Scene {
    pub(crate) world: World,
    file: File,
    bystander: Guest,
    seen: Mapped,
    round: u8,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new(Mode::Alias);
        world.publish("object", GRANULE);
        let path = world.file("file", b"");
        let open = || File::options().read(true).write(true).open(&path).expect("opens");
        let file = open();
        restore(&file);
        world.domain.publish("file", Source::file(open()), Rights::all()).expect("published");
        let mut bystander = world.guest();
        let seen = bystander.mapped_by_name("object", GRANULE, AUTOMATIC);
        Self { world, file, bystander, seen, round: 0 }
    }

    /// Makes the file whole.
    pub(crate) fn make_whole(&self) {
        restore(&self.file);
    }

    /// Cuts the file off.
    pub(crate) fn cut_off(&self) {
        self.file.set_len(LEFT).expect("cut");
    }

    /// Gives the guest its windows, and makes one bad.
    pub(crate) fn spoil(&mut self, guest: &mut Hostile, ask: Ask, bad: Bad) {
        restore(&self.file);
        let object = guest.open("object");
        guest.map(SHARED, GRANULE, object, AUTOMATIC).expect("maps");
        self.map_and_spoil(guest, ask, bad);
    }

    /// Maps the file into [`WINDOW`], makes its second half bad, and gives the mapping's handle.
    pub(crate) fn map_and_spoil(&mut self, guest: &mut Hostile, ask: Ask, bad: Bad) -> u32 {
        restore(&self.file);
        let object = guest.open("file");
        let mapping = guest.map(WINDOW, LEN, object, ask).expect("maps");
        bad.spoil(&self.file, guest);
        mapping
    }

    /// The guest was trapped with the address and the kind, is not entered again, and nobody else noticed.
    #[track_caller]
    pub(crate) fn assert_contained<T: Debug>(
        &mut self,
        mut guest: Hostile,
        bad: Bad,
        what: &str,
        call: Result<T, Error>,
    ) {
        let trap = call.expect_err(what);
        assert_cause(&trap, guest.store.data().memctl.last_fault(), bad, what);
        if violation(&trap).is_some() {
            assert!(guest.try_call("load8", &[0]).is_err(), "{what}: it does not run on over scratch pages");
        }
        drop(guest);
        self.assert_others_go_on(what);
    }

    /// Others share what they shared, the objects are as they were, and guests that come later find the file.
    #[track_caller]
    pub(crate) fn assert_others_go_on(&mut self, what: &str) {
        self.round = self.round.wrapping_add(1);
        self.bystander.write(self.seen.start, &[self.round; 6]);
        assert_eq!(self.bystander.read(self.seen.start, 6), [self.round; 6], "{what}");
        assert_eq!(self.world.object("object")[..6], [self.round; 6], "{what}");
        let mut left = vec![0; usize::try_from(self.file.metadata().expect("there").len()).expect("small")];
        self.file.read_exact_at(&mut left, 0).expect("read");
        assert!(left.len() as u64 == LEFT || left.len() as u64 == LEN, "{what}: nobody made it longer");
        assert!(left.iter().all(|byte| *byte == 7), "{what}: the object changed");
        restore(&self.file);
        let object = self.bystander.open("file");
        let whole = self.bystander.mapped(object, LEN, LEASED);
        assert_eq!(self.bystander.read(whole.start + LEN - 3, 3), [7; 3], "{what}");
        self.bystander.unmap(whole).expect("unmaps");
        self.bystander.drop_mapping(whole);
        self.bystander.call(|probe, store| probe.call_drop_object(store, object));
    }
}

/// The guest was trapped for touching a bad byte, and the host can tell which and why.
#[track_caller]
pub(crate) fn assert_cause(trap: &Error, last_fault: Option<Cause>, bad: Bad, what: &str) {
    let cause = match violation(trap) {
        Some(Violation::Fault(cause)) => cause,
        Some(other) => panic!("{what}: trapped for something else: {other}"),
        None => {
            assert_eq!(trap.downcast_ref::<Trap>(), Some(&Trap::MemoryOutOfBounds), "{what}: {trap:?}");
            last_fault.expect("noted")
        }
    };
    assert_eq!(cause.kind, bad.kind(), "{what}: {cause}");
    assert!((u64::from(BAD.start)..u64::from(BAD.end)).contains(&cause.address), "{what}: {cause}");
}

/// What the guests of a test are made from.
pub(crate) enum Maker {
    Component(Component, Box<Linker<State>>),
    Module(Module),
}

impl Maker {
    /// Memory control and the memory, nothing more.
    pub(crate) fn plain_component(scene: &Scene) -> Self {
        let component = hostile_component(scene.world.engine(), "", &[], "", "");
        Self::Component(component, Box::new(scene.world.linker().clone()))
    }

    pub(crate) fn module(scene: &Scene, core: &str) -> Self {
        Self::Module(hostile_module(scene.world.engine(), core))
    }

    pub(crate) fn guest(&self, scene: &Scene) -> Hostile {
        match self {
            Self::Component(component, linker) => Hostile::component(scene.world.store(), component, linker),
            Self::Module(module) => Hostile::module(scene.world.store(), module),
        }
    }

    fn kinds(&self) -> &'static [Bad] {
        match self {
            Self::Component(..) => &Bad::OF_COMPONENTS,
            Self::Module(_) => &Bad::OF_MODULES,
        }
    }

    /// Each case is contained, for every kind of bad page in every kind of window.
    #[track_caller]
    pub(crate) fn contains<C: Debug>(
        &self,
        scene: &mut Scene,
        cases: &[C],
        act: impl Fn(&mut Hostile, &C) -> wasmtime::Result<u64>,
    ) {
        for ask in [AUTOMATIC, LEASED, PRIVATE] {
            for &bad in self.kinds() {
                for case in cases {
                    let mut guest = self.guest(scene);
                    scene.spoil(&mut guest, ask, bad);
                    let called = act(&mut guest, case);
                    scene.assert_contained(guest, bad, &format!("{case:?}, {bad:?}, {ask:?}"), called);
                }
            }
        }
    }
}
