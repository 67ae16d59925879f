//! As much of WASI preview 1 as a command needs that prints: arguments and standard output.

use memctl_wasmtime::{MemctlCtx, add_to_core_linker_sync};
use wasmtime::{Caller, Engine, Extern, Linker, Memory, Module, Result, Store, format_err};

const WASI: &str = "wasi_snapshot_preview1";
const SUCCESS: i32 = 0;
const BADF: i32 = 8;

/// The store's data.
pub(crate) struct Command {
    pub(crate) memctl: MemctlCtx,
    arguments: Vec<u8>,
    count: u32,
    stdout: Vec<u8>,
}

fn memory(caller: &mut Caller<'_, Command>) -> Result<Memory> {
    caller.get_export("memory").and_then(Extern::into_memory).ok_or_else(|| format_err!("no memory"))
}

fn at(address: i32) -> usize {
    address.cast_unsigned() as usize
}

fn put(caller: &mut Caller<'_, Command>, address: i32, number: u32) -> Result<()> {
    Ok(memory(caller)?.write(caller, at(address), &number.to_le_bytes())?)
}

fn get(caller: &mut Caller<'_, Command>, address: i32) -> Result<u32> {
    let mut bytes = [0; 4];
    memory(caller)?.read(caller, at(address), &mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn args_get(mut caller: Caller<'_, Command>, pointers: i32, bytes: i32) -> Result<i32> {
    let arguments = caller.data().arguments.clone();
    memory(&mut caller)?.write(&mut caller, at(bytes), &arguments)?;
    let starts =
        std::iter::once(0).chain(arguments.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(i, _)| i + 1));
    for (slot, start) in (pointers..).step_by(4).zip(starts).take(caller.data().count as usize) {
        put(&mut caller, slot, bytes.cast_unsigned() + u32::try_from(start)?)?;
    }
    Ok(SUCCESS)
}

fn fd_write(mut caller: Caller<'_, Command>, fd: i32, lists: i32, count: i32, written: i32) -> Result<i32> {
    let mut total = 0;
    for list in (lists..).step_by(8).take(at(count)) {
        let (start, len) = (get(&mut caller, list)?, get(&mut caller, list + 4)?);
        let mut bytes = vec![0; len as usize];
        memory(&mut caller)?.read(&mut caller, start as usize, &mut bytes)?;
        total += len;
        match fd {
            1 => caller.data_mut().stdout.extend(bytes),
            _ => eprint!("{}", String::from_utf8_lossy(&bytes)),
        }
    }
    put(&mut caller, written, total)?;
    Ok(SUCCESS)
}

/// Runs a command module; what it printed.
pub(crate) fn run(engine: &Engine, module: &Module, memctl: MemctlCtx, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut linker: Linker<Command> = Linker::new(engine);
    add_to_core_linker_sync(&mut linker, |command| &mut command.memctl)?;
    linker.func_wrap(WASI, "args_sizes_get", |mut caller: Caller<'_, Command>, count: i32, len: i32| {
        let (arguments, bytes) = (caller.data().count, u32::try_from(caller.data().arguments.len())?);
        put(&mut caller, count, arguments)?;
        put(&mut caller, len, bytes)?;
        Ok(SUCCESS)
    })?;
    linker.func_wrap(WASI, "args_get", args_get)?;
    linker.func_wrap(WASI, "environ_sizes_get", |mut caller: Caller<'_, Command>, count: i32, len: i32| {
        put(&mut caller, count, 0)?;
        put(&mut caller, len, 0)?;
        Ok(SUCCESS)
    })?;
    linker.func_wrap(WASI, "environ_get", |_: i32, _: i32| SUCCESS)?;
    linker.func_wrap(WASI, "fd_prestat_get", |_: i32, _: i32| BADF)?;
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.define_unknown_imports_as_traps(module)?;

    let nul_terminated = |argument: &&str| [argument.as_bytes(), &[0]].concat();
    let data = Command {
        memctl,
        arguments: arguments.iter().flat_map(nul_terminated).collect(),
        count: u32::try_from(arguments.len())?,
        stdout: Vec::new(),
    };
    let mut store = Store::new(engine, data);
    let crossing = store.data().memctl.crossing(store.engine());
    store.call_hook(move |_, hook| Ok(crossing(hook)?));
    memctl_wasmtime::note_faults(&mut store);
    let command = linker.instantiate(&mut store, module)?;
    command.get_typed_func::<(), ()>(&mut store, "_start")?.call(&mut store, ())?;
    Ok(store.into_data().stdout)
}
