//! Partitions: a guest that stores elsewhere is given up and started anew; its neighbour does not notice.

use alloc::boxed::Box;

use wasmtime::component::{Linker, TypedFunc};
use wasmtime::{CallHook, Engine, Error, Result, Store, bail, ensure};

use crate::console::say;
use crate::engine::config;
use crate::fault::{Access, By};
use crate::machine::Level;
use crate::report::figure;
use crate::sys::image::{Image, image};
use crate::sys::machine::protection::IN_FORCE;
use crate::sys::machine::{console, privilege};
use crate::sys::partition::{self, GivenUp, Partition};
use crate::sys::pool::Pool;
use crate::sys::{arena, place, trial};

/// The guest's image.
fn image() -> Image {
    image!("trial")
}

/// A guest of this scene: counts its turns, pokes where it is told to.
struct Trial {
    store: Store<()>,
    run: TypedFunc<(u32,), (u32,)>,
}

impl Trial {
    fn new() -> Result<Self> {
        let engine = Engine::new(&config()?)?;
        let component = image().load(&engine)?;
        let mut store = Store::try_new(&engine, ())?;
        store.set_fuel(1_000_000)?;
        store.call_hook(|_, crossing| {
            match crossing {
                CallHook::CallingWasm | CallHook::ReturningFromHost => privilege::lower(),
                CallHook::ReturningFromWasm | CallHook::CallingHost => {
                    let _level = privilege::raise();
                }
            }
            Ok(())
        });
        let mut linker = Linker::<()>::new(&engine);
        linker.instance("memctl:board/test")?.func_wrap("poke", |_, (address,): (u32,)| {
            partition::poke(address as usize);
            Ok(())
        })?;
        let instance = linker.instantiate(&mut store, &component)?;
        let run = instance.get_typed_func(&mut store, "run")?;
        Ok(Self { store, run })
    }
}

/// One turn: how many turns the guest counted.
fn turn(partition: &mut Partition<'_, Trial>, address: usize) -> Result<Option<u32>, GivenUp> {
    partition.turn(|tenant| {
        let turn = || -> Result<u32> {
            let trial = match tenant {
                Some(trial) => trial,
                none => none.insert(Box::new(Trial::new()?)),
            };
            let Trial { store, run } = &mut **trial;
            let (count,) = run.call(store, (u32::try_from(address)?,))?;
            Ok(count)
        };
        // An error lives in the partition, so it is told here.
        turn().map_err(|error| say!("isolation: {error:#}")).ok()
    })
}

/// Plays the scene.
///
/// # Errors
/// What was not as promised.
pub(crate) fn play() -> Result<()> {
    let pool = Pool::take().ok_or_else(|| Error::msg("the pool is taken"))?;
    let mut first = pool.cut::<Trial>(64 << 10, 14 << 10).map_err(Error::msg)?;
    let mut second = pool.cut::<Trial>(64 << 10, 14 << 10).map_err(Error::msg)?;
    figure("embedded", image().len());
    say!("isolation: a partition takes {} regions", first.region_count());
    let counted = |turn: Result<Option<u32>, GivenUp>| turn.ok().flatten();
    ensure!(counted(turn(&mut first, 0)) == Some(1), "the first guest's first turn");
    ensure!(counted(turn(&mut second, 0)) == Some(1), "the second guest's first turn");
    ensure!(counted(turn(&mut first, 0)) == Some(2), "the first guest's second turn");
    let own = first.bytes().end - 64;
    ensure!(counted(turn(&mut first, own)) == Some(3), "a poke into its own partition is none");
    if IN_FORCE {
        pokes(&mut first, second.bytes().start + 32)?;
        overflow(&mut first)?;
        forged_gate(&mut first)?;
    }
    panics(&mut first)?;
    kept(&mut first)?;
    ensure!(counted(turn(&mut second, 0)) == Some(2), "the neighbour counts on");
    for partition in [&first, &second] {
        let used = partition.used();
        figure("partition-stack-peak", used.stack);
        figure("partition-arena-peak", used.arena.peak);
        figure("partition-arena", used.arena.size);
    }
    Ok(())
}

/// Whether a turn was one of a guest that began anew.
fn anew(partition: &mut Partition<'_, Trial>) -> Result<()> {
    partition.renew();
    ensure!(matches!(turn(partition, 0), Ok(Some(1))), "started anew, the guest counts from one");
    Ok(())
}

/// Stores of a guest that got out, at what is not its own.
fn pokes(partition: &mut Partition<'_, Trial>, neighbour: usize) -> Result<()> {
    let places = [
        ("its neighbour", neighbour),
        ("the kernel's statics", place::kernel_statics().start),
        ("the kernel's stack", place::kernel_stack().start),
        ("flash", place::flash().start + 0x1000),
        ("a device", console::DEVICE),
    ];
    for (name, address) in places {
        match turn(partition, address) {
            Err(GivenUp(Some(fault))) if fault.address == Some(address) && fault.by == By::Unprivileged => {
                say!("isolation: a poke at {name} was caught at {address:#x}");
            }
            other => bail!("a poke at {name}, {address:#x}: {other:x?}"),
        }
        anew(partition)?;
    }
    Ok(())
}

/// Code without privilege that needs more stack than there is.
fn overflow(partition: &mut Partition<'_, Trial>) -> Result<()> {
    #[inline(never)]
    fn deeper(depth: u32) -> u32 {
        let frame = core::hint::black_box([depth; 64]);
        if depth == 0 { 0 } else { deeper(depth - 1) + frame[63] }
    }
    let outcome = partition.turn(|_| {
        privilege::lower();
        let sum = deeper(core::hint::black_box(1000));
        let _level = privilege::raise();
        sum
    });
    match outcome {
        Err(GivenUp(Some(fault))) => say!("isolation: a stack that overflows was caught: {:?}", fault.access),
        other => bail!("a stack overflows: {other:x?}"),
    }
    anew(partition)
}

/// Panics, with and without privilege.
fn panics(partition: &mut Partition<'_, Trial>) -> Result<()> {
    for level in [Level::Lowered, Level::Raised] {
        let outcome: Result<(), GivenUp> = partition.turn(|_| {
            if level == Level::Lowered {
                privilege::lower();
            }
            panic!("isolation: on purpose, privilege {level:?}");
        });
        ensure!(matches!(outcome, Err(GivenUp(None))), "a panic gives the partition up");
        anew(partition)?;
    }
    Ok(())
}

/// What the kernel allocates on behalf of a guest, while it changes what all share, outlives the guest.
fn kept(partition: &mut Partition<'_, Trial>) -> Result<()> {
    let before = arena::kernel_fill().now;
    let kept = partition.turn(|_| {
        privilege::lower();
        partition::kernel_begins();
        partition::kernel_begins();
        // Leaked here and freed never: a block of four bytes that the scene looks at once more.
        let kept: &'static u32 = Box::leak(Box::new(0x5EED));
        partition::kernel_ends();
        partition::kernel_ends();
        // Without privilege again: a block of the partition's own.
        let own = Box::new(1);
        let _level = privilege::raise();
        (kept, *own)
    });
    let Ok((kept, 1)) = kept else { bail!("the kernel's work for a guest: {:x?}", kept.err()) };
    ensure!(partition.turn::<()>(|_| privilege::abandon()).is_err(), "the partition gives itself up");
    ensure!(arena::kernel_fill().now == before + size_of::<u32>(), "the block is not the kernel's");
    ensure!(*kept == 0x5EED, "what the kernel kept was lost with the guest");
    anew(partition)
}

/// Raising privilege from elsewhere than the gate.
fn forged_gate(partition: &mut Partition<'_, Trial>) -> Result<()> {
    match partition.turn(|_| trial::call_the_kernel(Level::Lowered)) {
        Err(GivenUp(Some(fault))) if fault.access == Access::Gate && fault.by == By::Unprivileged => {
            say!("isolation: a call of the kernel from elsewhere than its gate was caught");
        }
        other => bail!("a call of the kernel from elsewhere than its gate: {other:x?}"),
    }
    anew(partition)
}
