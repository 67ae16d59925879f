//! The scenes with guests: each in its partition, in one domain, in turns.

use alloc::boxed::Box;
use alloc::vec::Vec;

use memctl_wasmtime::{Access, Device, Domain, HeapOptions, Membership, Quotas, Rights, Source};
use wasmtime::{Error, Result, bail};

use super::list::{Bytes, Guest, Scene};
use crate::console::say;
use crate::device::Clock;
use crate::fault::{Access as Tried, Fault};
use crate::report::figure;
use crate::shown;
use crate::sys::machine::protection::IN_FORCE;
use crate::sys::machine::{clock, console};
use crate::sys::partition::{GivenUp, Partition};
use crate::sys::pool::Pool;
use crate::sys::{arena, place};
use crate::tenant::{Targets, Tenant, Turn};

/// Bytes of a guest's partition, and how many of them are its stack. wasmtime keeps a component's types in RAM, some 30 KiB for a guest with twenty imports, and a plan of
/// regions for a window that comes in place is made on that stack.
const PARTITION: usize = 128 << 10;
const STACK: usize = 24 << 10;

/// What a guest may have: what the kernel keeps of that has to fit its arena, whatever guests ask for.
const GUEST: Quotas = Quotas {
    objects: 8,
    object_bytes: 4 << 10,
    mappings: 8,
    mapped_bytes: 32 << 10,
    leases: 8,
    waiters: 2,
    protected_ranges: 8,
    blocks: 16,
    block_bytes: 4 << 10,
};

/// What all guests of a scene may have, with what is published for them.
const DOMAIN: Quotas = Quotas {
    objects: 24,
    object_bytes: 24 << 10,
    mappings: 24,
    mapped_bytes: 96 << 10,
    leases: 24,
    waiters: 4,
    protected_ranges: 24,
    blocks: 32,
    block_bytes: 8 << 10,
};

/// A guest's place in a scene.
struct Seat<'pool> {
    guest: &'static Guest,
    partition: Partition<'pool, Tenant>,
    /// What the kernel knows of it, between turns, while it lives.
    membership: Option<Membership>,
    targets: Targets,
}

/// Plays a scene.
///
/// # Errors
/// It can't be set up. What becomes of guests is told by lines.
pub(super) fn play(scene: &'static Scene) -> Result<()> {
    say!("scene {} begins", scene.name);
    let domain = domain(scene)?;
    let device = domain.device();
    let pool = Pool::take().ok_or_else(|| Error::msg("the pool is taken"))?;
    let mut seats = seats(scene, &pool)?;
    let mut ticks = 0;
    for round in 1..=scene.turns {
        feed(scene, &device, round as usize - 1)?;
        let start = clock::now();
        for seat in &mut seats {
            seat.take_turn(&domain, round)?;
        }
        // In the first one they begin.
        if round > 1 {
            ticks += clock::since(start);
        }
    }
    let stats = domain.stats();
    let published = if stats.bytes_clean > 0 {
        "windows were published by what was stored to"
    } else {
        "windows were published whole"
    };
    say!("{}: {} mappings, {} in place; {published}", scene.name, stats.mappings, stats.in_place);
    say!(
        "{}: {} bytes copied, {} clean, in {ticks} {}",
        scene.name,
        stats.bytes_copied,
        stats.bytes_clean,
        clock::UNIT
    );
    for seat in &mut seats {
        seat.leave();
        let used = seat.partition.used();
        figure("partition", seat.partition.bytes().len());
        figure("partition-stack-peak", used.stack);
        figure("partition-arena-peak", used.arena.peak);
    }
    figure("kernel-arena-now", arena::kernel_fill().now);
    say!("scene {} ends", scene.name);
    Ok(())
}

/// The scene's domain, in the kernel's arena.
fn domain(scene: &Scene) -> Result<Domain> {
    let mut builder = Domain::builder().guest_quotas(GUEST).quotas(DOMAIN);
    if IN_FORCE {
        builder = builder.isolated();
    }
    for object in scene.objects {
        let (source, rights) = match object.bytes {
            Bytes::Zeroes(size) => (Source::anonymous(size as u64), Rights::READ | Rights::WRITE),
            // With the rights that the same object has on Linux, where a feed stands for the clock; stores to it are refused by the clock.
            Bytes::Clock => (Source::storage(Clock), Rights::READ | Rights::WRITE),
            Bytes::Flash(bytes) => (Source::read_only(bytes), Rights::READ),
        };
        builder = builder.object(object.name, source, rights);
    }
    for heap in scene.heaps {
        let options = HeapOptions { max_len: heap.max as u64, ..HeapOptions::default() };
        builder = builder.heap(heap.name, Source::anonymous(heap.size as u64), options);
    }
    builder.build().map_err(Error::msg)
}

fn seats<'pool>(scene: &'static Scene, pool: &'pool Pool) -> Result<Vec<Seat<'pool>>> {
    let mut seats = Vec::new();
    for guest in scene.guests {
        let partition = pool.cut(PARTITION, STACK).map_err(Error::msg)?;
        seats.push(Seat { guest, partition, membership: None, targets: [0; 4] });
    }
    let starts: Vec<usize> = seats.iter().map(|seat: &Seat<'_>| seat.partition.bytes().end - 64).collect();
    for (number, seat) in seats.iter_mut().enumerate() {
        let neighbour = starts[(number + 1) % starts.len()];
        seat.targets = [place::kernel_statics().start, neighbour, place::flash().start + 0x1000, console::DEVICE];
    }
    Ok(seats)
}

/// What the device writes before a round.
fn feed(scene: &Scene, device: &Device, round: usize) -> Result<()> {
    for object in scene.objects {
        let Bytes::Zeroes(size) = object.bytes else { continue };
        let Some(bytes) = object.feed.chunks(size).nth(round) else { continue };
        let mut lease = device.lease(object.name, 0..size as u64, Access::Write)?;
        lease.write(0, bytes)?;
        lease.release()?;
    }
    Ok(())
}

impl Seat<'_> {
    fn take_turn(&mut self, domain: &Domain, round: u32) -> Result<()> {
        let name = self.guest.name;
        let (image, targets) = (self.guest.image, self.targets);
        let (membership, newcomer) = match self.membership.take() {
            Some(membership) => (membership, None),
            None => {
                let context = domain.context().build();
                (context.membership(), Some(context))
            }
        };
        shown::begin(membership, self.partition.bytes());
        let turn = self.partition.turn(|tenant: &mut Option<Box<Tenant>>| {
            if let Some(context) = newcomer {
                match Tenant::new(domain, context, image, targets) {
                    Ok(new) => *tenant = Some(new),
                    Err(error) => {
                        say!("{name} can't begin: {error:#}");
                        return None;
                    }
                }
            }
            tenant.as_mut().map(|tenant| tenant.turn())
        });
        self.membership = shown::end();
        match turn {
            Ok(Some(Turn::Done)) => {}
            Ok(Some(Turn::Failed)) => say!("{name} failed in turn {round}"),
            Ok(Some(Turn::Trapped(address))) => {
                match address {
                    Some(address) => say!("{name} trapped in turn {round}, at address {address:#x} of its memory"),
                    None => say!("{name} trapped in turn {round}"),
                }
                self.leave();
            }
            Ok(None) => bail!("{name} did not begin"),
            Err(given_up) => {
                tell(name, round, given_up);
                self.lost();
            }
        }
        Ok(())
    }

    /// The guest ends, and all that is its goes, in order.
    fn leave(&mut self) {
        let dropped = self.partition.turn(|tenant| drop(tenant.take()));
        self.membership = None;
        if let Err(given_up) = dropped {
            tell(self.guest.name, 0, given_up);
            self.lost();
        }
    }

    /// The guest is gone with its partition: the domain is told, and the partition begins anew.
    fn lost(&mut self) {
        let bytes = self.partition.bytes();
        if let Some(membership) = self.membership.take()
            && !cfg!(feature = "mutate-revocation")
        {
            crate::sys::tenancy::lost(membership, &bytes, &mut self.partition);
        }
        self.partition.renew();
    }
}

/// Says why a guest's partition was given up.
fn tell(name: &str, round: u32, GivenUp(fault): GivenUp) {
    match fault {
        Some(Fault { access: Tried::Stack, .. }) => say!("{name} is given up in turn {round}: its stack overflowed"),
        Some(Fault { access, address: Some(address), by, .. }) => {
            say!("{name} is given up in turn {round}: {access:?} at {address:#x} by {by:?}");
        }
        Some(fault) => say!("{name} is given up in turn {round}: {fault:x?}"),
        None => say!("{name} is given up in turn {round}: it panicked"),
    }
}
