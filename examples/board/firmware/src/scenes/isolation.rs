//! Partitions: a guest that stores elsewhere is given up and started anew; its neighbour does not notice.

use alloc::boxed::Box;

use wasmtime::component::{Linker, TypedFunc};
use wasmtime::{CallHook, Error, Result, Store, ensure};

use crate::console::say;
use crate::engine::engine;
use crate::sys::image::image;
use crate::sys::machine::privilege;
use crate::sys::partition::{self, GivenUp, Partition};
use crate::sys::pool::Pool;
use crate::sys::{arena, place};

/// A guest of this scene: counts its turns, pokes where it is told to.
struct Trial {
    store: Store<()>,
    run: TypedFunc<(u32,), (u32,)>,
}

impl Trial {
    fn new() -> Result<Self> {
        let engine = engine()?;
        let component = image!("trial").load(&engine)?;
        let mut store = Store::try_new(&engine, ())?;
        store.set_fuel(1_000_000)?;
        store.call_hook(|_, crossing| {
            match crossing {
                CallHook::CallingWasm | CallHook::ReturningFromHost => privilege::lower(),
                CallHook::ReturningFromWasm | CallHook::CallingHost => privilege::raise(),
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
fn turn(partition: &mut Partition<Trial>, address: usize) -> Result<Option<u32>, GivenUp> {
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
    say!("isolation: a partition takes {} regions", first.region_count());
    let counted = |turn: Result<Option<u32>, GivenUp>| turn.ok().flatten();
    ensure!(counted(turn(&mut first, 0)) == Some(1), "the first guest's first turn");
    ensure!(counted(turn(&mut second, 0)) == Some(1), "the second guest's first turn");
    ensure!(counted(turn(&mut first, 0)) == Some(2), "the first guest's second turn");
    let own = first.bytes().end - 64;
    ensure!(counted(turn(&mut first, own)) == Some(3), "a poke into its own partition is none");
    let places = [
        ("its neighbour", second.bytes().start + 32),
        ("the kernel's statics", place::kernel_statics().start),
        ("the kernel's stack", place::kernel_stack().start),
        ("flash", place::flash().start + 0x1000),
        ("a device", 0x4000_0000),
    ];
    for (name, address) in places {
        match turn(&mut first, address) {
            Err(GivenUp(Some(fault))) if fault.address == Some(address) => {
                say!("isolation: a poke at {name} was caught at {address:#x}: {:?} by {:?}", fault.access, fault.by);
            }
            other => wasmtime::bail!("a poke at {name}, {address:#x}: {other:x?}"),
        }
        ensure!(counted(turn(&mut first, 0)) == Some(1), "started anew, the guest counts from one");
    }
    ensure!(counted(turn(&mut second, 0)) == Some(2), "the neighbour counts on");
    for partition in [&first, &second] {
        let used = partition.used();
        say!(
            "isolation: partition used {} bytes of stack, {} of {} bytes of arena",
            used.stack,
            used.arena.peak,
            used.arena.size
        );
    }
    ensure!(arena::strays() == 0, "{} blocks went astray", arena::strays());
    Ok(())
}
