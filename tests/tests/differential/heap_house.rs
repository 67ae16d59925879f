//! A domain with heaps and its engine, and the guests that share them.

use std::sync::Arc;
use std::task::{Context, Poll};

use memctl_core::{Code, HeapStatus, Protection, Quotas};
use memctl_model::{
    CHAIN, Field, GUESTS, HEAPS, HEIR, HeapAnswer, HeapSetting, HeapStep, HeapWorld, LENS, QUEUES, Range, Verb,
};
use memctl_tests::{Build, State};
use memctl_wasmtime::{Domain, DomainBuilder, HeapOptions, Mode, Orphans, Source, attach};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::WasiCtx;

use crate::guest::bindings::wasi::memory_control::types;
use crate::heap_guest::{Answer, HeapGuest, Rung, Seat, Token, bindings, now};

/// Bytes of each guest's memory that programs use, in granules: room for both heaps behind each other wherever programs begin.
pub(crate) const ROOM: u64 = 16;

/// Is never allocated in: attaching it is how a guest comes by memory for the others.
const SPACE: &str = "space";

/// How windows show heaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeapBackend {
    Alias,
    /// The guests' own code checks what they do, so that windows can be read-only.
    Copy,
    /// As `Alias`, and blocks can be touched only by who has them.
    Audited,
    /// As `Audited`, with guests that may run at the same time.
    ParallelAlias,
    /// As `Copy`, with guests that may run at the same time.
    ParallelCopy,
}

impl HeapBackend {
    fn mode(self) -> Mode {
        match self {
            Self::Alias | Self::Audited | Self::ParallelAlias => Mode::Alias,
            Self::Copy | Self::ParallelCopy => Mode::Copy,
        }
    }

    fn held_to(self, builder: DomainBuilder) -> DomainBuilder {
        match self {
            Self::Alias | Self::Copy => builder,
            Self::Audited => builder.audit(),
            Self::ParallelAlias | Self::ParallelCopy => builder.parallel(),
        }
    }

    /// Whether storing where no block of the guest's is would trap.
    fn has_pages(self) -> bool {
        matches!(self, Self::Audited | Self::ParallelAlias)
    }
}

/// A world of guests.
pub(crate) struct HeapHouse {
    backend: HeapBackend,
    domain: Domain,
    engine: Engine,
    linker: Linker<State>,
    component: Component,
    seats: [Seat; GUESTS],
    /// Where the memory that programs use starts.
    start: u64,
    heaps: [u64; 3],
    blocks: Vec<Token>,
    waits: usize,
    rung: Arc<Rung>,
}

impl HeapHouse {
    pub(crate) fn new(backend: HeapBackend, setting: &HeapSetting) -> Self {
        let granule = setting.granule;
        let options = |number: usize| HeapOptions {
            max_len: LENS[number].1 * granule,
            orphans: if number == 1 { Orphans::Heir(HEIR.into()) } else { Orphans::Free },
            queues: QUEUES,
            ..HeapOptions::default()
        };
        let heap = |number: usize| Source::anonymous(LENS[number].0 * granule);
        let chain = HeapOptions { queues: QUEUES, ..HeapOptions::default() };
        let builder = Domain::builder().mode(backend.mode()).quotas(setting.domain).guest_quotas(setting.guest);
        let builder = if backend.mode() == Mode::Copy { builder.granule(granule) } else { builder };
        let domain = backend
            .held_to(builder)
            .heap(HEAPS[0], heap(0), options(0))
            .heap(HEAPS[1], heap(1), options(1))
            .heap_chain(HEAPS[CHAIN], HEAPS[..CHAIN].iter().copied(), chain)
            .heap(SPACE, Source::anonymous(ROOM * granule), HeapOptions::default())
            .build()
            .expect("the domain can be built");
        let mut config = Config::new();
        domain.configure(&mut config).expect("the fault handler can be put in place");
        let engine = Engine::new(&config).expect("the engine can be made");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("wasmtime-wasi links");
        memctl_wasmtime::add_to_linker_async(&mut linker).expect("memory control links");
        let build = if backend.mode() == Mode::Copy { Build::Instrumented } else { Build::Plain };
        let component = memctl_tests::component(&engine, "guest-heap", build);
        let mut house = Self {
            backend,
            domain,
            engine,
            linker,
            component,
            seats: [Seat::Empty, Seat::Empty, Seat::Empty],
            start: 0,
            heaps: [0; 3],
            blocks: Vec::new(),
            waits: 0,
            rung: Arc::default(),
        };
        (0..GUESTS).for_each(|seat| house.seat(seat));
        house
    }

    /// Somebody new sits there.
    fn seat(&mut self, seat: usize) {
        let context = self.domain.context();
        let context = if seat == 1 { context.name(HEIR) } else { context };
        let mut store = Store::new(&self.engine, State::new(WasiCtx::builder().build(), context.build()));
        attach(&mut store);
        let bindings = now(bindings::Guest::instantiate_async(&mut store, &self.component, &self.linker))
            .expect("the guest instantiates");
        let mut guest = HeapGuest { store, bindings };
        let mut open = |name| guest.ask(async |raw, store| raw.call_open(store, name).await).expect("published");
        let (heaps, space) = (HEAPS.map(&mut open), open(SPACE));
        let start = guest
            .ask(async |raw, store| raw.call_attach(store, space, types::Protection::ReadWrite).await)
            .expect("there is memory");
        guest.ask(async |raw, store| raw.call_detach(store, space).await).expect("attached");
        (self.heaps, self.start) = (heaps, start.into());
        self.seats[seat] = Seat::Here(Box::new(guest));
    }

    fn guest(&mut self, seat: usize) -> &mut HeapGuest {
        match &mut self.seats[seat] {
            Seat::Here(guest) => guest,
            Seat::Waits(..) | Seat::Empty => panic!("guest {seat} waits"),
        }
    }

    fn number(&self, token: Token) -> HeapAnswer {
        let is = |block: &Token| same(*block, token);
        HeapAnswer::Block(self.blocks.iter().position(is).expect("it was allocated"))
    }

    fn do_to(&mut self, seat: usize, verb: Verb, block: Token) -> Answer<()> {
        self.guest(seat).ask(async |raw, store| match verb {
            Verb::Free => raw.call_free(store, block).await,
            Verb::Share => raw.call_share(store, block).await,
            Verb::Unshare => raw.call_unshare(store, block).await,
            Verb::Give => raw.call_give(store, block).await,
            Verb::Take => raw.call_take(store, block).await,
            Verb::Resolve => raw.call_resolve(store, block).await,
            Verb::Release => raw.call_release(store, block).await,
        })
    }

    /// Lets a guest that waits go on, if it can.
    fn go_on(&mut self, seat: usize) -> Answer<HeapAnswer> {
        let Seat::Waits(wait, mut receiving) = std::mem::replace(&mut self.seats[seat], Seat::Empty) else {
            panic!("guest {seat} does not wait");
        };
        let waker = self.rung.waker(wait);
        let polled = receiving.as_mut().poll(&mut Context::from_waker(&waker));
        let Poll::Ready((guest, received)) = polled else {
            self.seats[seat] = Seat::Waits(wait, receiving);
            return Ok(HeapAnswer::Waits);
        };
        self.seats[seat] = Seat::Here(guest);
        received.map(|token| self.number(token))
    }

    fn receive(&mut self, seat: usize, heap: u64, queue: u32) -> Answer<HeapAnswer> {
        let Seat::Here(guest) = std::mem::replace(&mut self.seats[seat], Seat::Empty) else {
            panic!("guest {seat} waits");
        };
        self.seats[seat] = Seat::Waits(self.waits, guest.receive(heap, queue));
        let answer = self.go_on(seat);
        self.waits += usize::from(answer == Ok(HeapAnswer::Waits));
        answer
    }

    fn perform(&mut self, step: &HeapStep) -> Answer<HeapAnswer> {
        let done = |()| HeapAnswer::Done;
        match *step {
            HeapStep::Attach { guest, heap, start, protection } => {
                let (heap, start) = (self.heaps[heap], self.start + start);
                let protection = match protection {
                    Protection::None => types::Protection::None,
                    Protection::Read => types::Protection::Read,
                    Protection::ReadWrite => types::Protection::ReadWrite,
                };
                let guest = self.guest(guest);
                guest.ask(async |raw, store| raw.call_attach_at(store, heap, 0, start, protection).await).map(done)
            }
            HeapStep::Detach { guest, heap } => {
                let heap = self.heaps[heap];
                self.guest(guest).ask(async |raw, store| raw.call_detach(store, heap).await).map(done)
            }
            HeapStep::Alloc { guest, heap, len, align } => {
                let heap = self.heaps[heap];
                let token = self.guest(guest).ask(async |raw, store| raw.call_alloc(store, heap, len, align).await)?;
                assert_eq!(token.len, len);
                self.blocks.push(token);
                let heap = self.heaps.iter().position(|heap| *heap == token.heap).expect("published");
                Ok(HeapAnswer::New { heap, offset: token.offset })
            }
            HeapStep::Do { guest, verb, block } => self.do_to(guest, verb, self.blocks[block]).map(done),
            HeapStep::Forge { guest, verb, block, field, bit } => {
                let mut token = self.blocks[block];
                let number = match field {
                    Field::Heap => &mut token.heap,
                    Field::Offset => &mut token.offset,
                    Field::Len => &mut token.len,
                    Field::Generation => &mut token.generation,
                };
                *number ^= 1 << bit;
                self.do_to(guest, verb, token).map(done)
            }
            HeapStep::Send { guest, heap, queue, block } => {
                let (heap, token) = (self.heaps[heap], self.blocks[block]);
                self.guest(guest).ask(async |raw, store| raw.call_send(store, heap, queue, token).await).map(done)
            }
            HeapStep::Receive { guest, heap, queue } => self.receive(guest, self.heaps[heap], queue),
            HeapStep::Collect { guest, .. } => self.go_on(guest),
            HeapStep::Stop { .. } => unreachable!("a guest stays in its call"),
            HeapStep::Inherit { guest, heap } => {
                let heap = self.heaps[heap];
                let token = self.guest(guest).ask(async |raw, store| raw.call_inherit(store, heap).await)?;
                Ok(self.number(token))
            }
            HeapStep::Fill { guest, part: (start, len), value } => {
                let start = self.start + start;
                self.guest(guest).fill((start, len), value);
                Ok(HeapAnswer::Done)
            }
            HeapStep::Scribble { guest, ref parts, value } => {
                // Where pages keep blocks apart the first store would be the guest's last.
                let parts = if self.backend.has_pages() { &[][..] } else { parts };
                for (start, len) in parts {
                    let start = self.start + start;
                    self.guest(guest).fill((start, *len), value);
                }
                Ok(HeapAnswer::Done)
            }
            HeapStep::End(seat) => {
                if let Seat::Waits(wait, _) = std::mem::replace(&mut self.seats[seat], Seat::Empty) {
                    self.rung.ring(wait);
                }
                self.seat(seat);
                Ok(HeapAnswer::Done)
            }
        }
    }
}

fn same(one: Token, other: Token) -> bool {
    let numbers = |token: Token| [token.heap, token.offset, token.len, token.generation];
    numbers(one) == numbers(other)
}

impl HeapWorld for HeapHouse {
    fn perform(&mut self, step: &HeapStep) -> HeapAnswer {
        HeapHouse::perform(self, step).unwrap_or_else(|code: Code| HeapAnswer::Refused(code))
    }

    fn woken(&mut self) -> Vec<usize> {
        self.rung.take()
    }

    fn can_load(&self, seat: usize) -> bool {
        matches!(self.seats[seat], Seat::Here(_))
    }

    fn load(&mut self, seat: usize, (start, len): Range) -> Vec<u8> {
        let start = self.start + start;
        self.guest(seat).load((start, len))
    }

    fn status(&mut self, heap: usize) -> HeapStatus {
        self.domain.heap_status(HEAPS[heap]).expect("published for good")
    }

    fn is_attached(&self, _: usize, _: usize) -> bool {
        unreachable!("these backends don't fail")
    }

    fn usage(&self, seat: usize) -> Option<(Quotas, Quotas)> {
        let Seat::Here(guest) = &self.seats[seat] else { return None };
        Some((guest.store.data().memctl.usage(), self.domain.usage()))
    }
}
