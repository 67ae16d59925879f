//! Files as objects: `file-object` and `file-ticket`.

use memctl_core::{Error, Rights};
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, File, WasiFilesystemView};
use wasmtime_wasi::{FsPerms, OpenMode, WasiView};

use crate::MemctlView;
use crate::component::{Object, guest, interface};
use crate::error::refused;
use crate::filesystem::{shadow_async, shadow_sync};
use crate::tickets::Shown;
use crate::wire::ErrorCode;

/// Adds `wasi:memory-control` with files to a linker for guests that are called with `call`, which has
/// [`wasmtime_wasi::p2::add_to_linker_sync`]'s definitions already.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_linker_sync<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    crate::add_to_linker_without_files_sync(linker)?;
    add_files(linker)?;
    shadow_sync(linker)
}

/// Adds `wasi:memory-control` with files to a linker for guests that are called with `call_async`, which has
/// [`wasmtime_wasi::p2::add_to_linker_async`]'s definitions already.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_linker_async<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    crate::add_to_linker_without_files_async(linker)?;
    add_files(linker)?;
    shadow_async(linker)
}

fn add_files<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    linker.instance(interface!("file-object"))?.func_wrap(
        "from-file",
        |mut store, (file,): (Resource<Descriptor>,)| {
            let shown = show(&mut store, &file)?;
            object_of(&mut store, "file-object.from-file", shown)
        },
    )?;
    let mut tickets = linker.instance(interface!("file-ticket"))?;
    tickets.func_wrap("issue", |mut store, ()| Ok((issue::<T>(&mut store),)))?;
    tickets.func_wrap("redeem", |mut store, (ticket,): (u64,)| {
        let shown = store.data_mut().memctl().ctx.tickets.redeem(ticket);
        object_of(&mut store, "file-ticket.redeem", shown)
    })
}

fn issue<T: MemctlView>(store: &mut StoreContextMut<'_, T>) -> Result<u64, ErrorCode> {
    let ctx = store.data_mut().memctl().ctx;
    let issued = if ctx.guest.shared.files {
        ctx.tickets.issue()
    } else {
        Err(Error::Unsupported {
            why: "files can't be mapped in this domain: the embedder can allow it with DomainBuilder::files",
        })
    };
    issued.map_err(|error| {
        refused(ctx.guest.instance, "file-ticket.issue", &error);
        error.code().into()
    })
}

/// What a descriptor is, and was opened for.
pub(crate) fn show<T: WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: &Resource<Descriptor>,
) -> Result<Result<Shown, Error>> {
    Ok(match store.data_mut().filesystem().table.get(file)? {
        Descriptor::File(file) => Ok(shown(file)),
        Descriptor::Dir(_) => Err(Error::Unsupported { why: "a directory can't be mapped" }),
    })
}

fn shown(file: &File) -> Shown {
    let mut rights = Rights::empty();
    rights.set(Rights::READ, file.open_mode.contains(OpenMode::READ));
    let writable = file.open_mode.contains(OpenMode::WRITE) && file.perms == FsPerms::ReadWrite;
    rights.set(Rights::WRITE | Rights::RESIZE, writable);
    Shown { file: file.file.clone(), rights }
}

fn object_of<T: MemctlView>(
    store: &mut StoreContextMut<'_, T>,
    call: &'static str,
    shown: impl Into<Result<Shown, Error>>,
) -> Result<(Result<Resource<Object>, ErrorCode>,)> {
    let guest = guest(store);
    let handle = match shown.into() {
        Ok(Shown { file, rights }) => guest.file(call, file, rights),
        Err(error) => {
            refused(guest.instance, call, &error);
            Err(error.code())
        }
    };
    Ok((match handle {
        Ok(handle) => Ok(store.data_mut().memctl().table.push(Object(handle))?),
        Err(code) => Err(code.into()),
    },))
}
