//! Files as objects: `file-object`, `file-ticket`, and the two WASI functions that go through here on their way.
//!
//! `descriptor.advise` is how a guest shows which descriptor it means (see `wit/file-object.wit`), and `descriptor.open-at` is how the
//! domain hears that a file may be written from now on. Every other function of `wasi:filesystem` is wasmtime-wasi's.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use memctl_core::{Code, Error, Rights};
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, File, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, ErrorCode as FsErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{FsError, FsResult};
use wasmtime_wasi::runtime::in_tokio;
use wasmtime_wasi::{FsPerms, OpenMode, WasiView};

use crate::MemctlView;
use crate::component::{Object, guest, interface};
use crate::error::refused;
use crate::tickets::Shown;
use crate::wire::ErrorCode;

/// The interface that wasmtime-wasi 48 defines, and that a few functions of are shadowed.
const FILESYSTEM: &str = "wasi:filesystem/types@0.2.12";

type Advise = (Resource<Descriptor>, u64, u64, Advice);
type OpenAt = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
type Fs<T> = Result<T, FsErrorCode>;

/// Adds `wasi:memory-control` with files to a linker for guests that are called with `call`, which has
/// [`wasmtime_wasi::p2::add_to_linker_sync`]'s definitions already.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_linker_sync<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    crate::add_to_linker_without_files_sync(linker)?;
    add_files(linker)?;
    shadow(linker, |filesystem| {
        filesystem.func_wrap("[method]descriptor.advise", |mut store: StoreContextMut<'_, T>, params: Advise| {
            in_tokio(advise(&mut store, params))
        })?;
        filesystem.func_wrap("[method]descriptor.open-at", |mut store: StoreContextMut<'_, T>, params: OpenAt| {
            in_tokio(open_at(&mut store, params))
        })
    })
}

/// Adds `wasi:memory-control` with files to a linker for guests that are called with `call_async`, which has
/// [`wasmtime_wasi::p2::add_to_linker_async`]'s definitions already.
///
/// # Errors
/// If the linker has definitions of the same names.
pub fn add_to_linker_async<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    crate::add_to_linker_without_files_async(linker)?;
    add_files(linker)?;
    shadow(linker, |filesystem| {
        filesystem.func_wrap_async(
            "[method]descriptor.advise",
            |mut store: StoreContextMut<'_, T>, params: Advise| {
                Box::new(async move { advise(&mut store, params).await })
            },
        )?;
        filesystem.func_wrap_async("[method]descriptor.open-at", |mut store: StoreContextMut<'_, T>, params: OpenAt| {
            Box::new(async move { open_at(&mut store, params).await })
        })
    })
}

fn shadow<T: 'static>(
    linker: &mut Linker<T>,
    define: impl FnOnce(&mut LinkerInstance<'_, T>) -> Result<()>,
) -> Result<()> {
    linker.allow_shadowing(true);
    let defined = linker.instance(FILESYSTEM).and_then(|mut filesystem| define(&mut filesystem));
    linker.allow_shadowing(false);
    defined
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
fn show<T: WasiView>(store: &mut StoreContextMut<'_, T>, file: &Resource<Descriptor>) -> Result<Result<Shown, Error>> {
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

async fn advise<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    (file, offset, len, advice): Advise,
) -> Result<(Fs<()>,)> {
    if matches!(advice, Advice::NoReuse) && len == 0 {
        let shown = show(store, &file)?;
        if store.data_mut().memctl().ctx.tickets.bind(offset, shown) {
            return Ok((Ok(()),));
        }
    }
    code(store.data_mut().filesystem().advise(file, offset, len, advice).await)
}

/// Opens as wasmtime-wasi does, but truncates only after private mappings of the file were made independent of it.
async fn open_at<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    (dir, path_flags, path, mut open_flags, mut flags): OpenAt,
) -> Result<(Fs<Resource<Descriptor>>,)> {
    let truncate = open_flags.contains(OpenFlags::TRUNCATE) && !open_flags.contains(OpenFlags::DIRECTORY);
    if truncate {
        // Truncating opens for writing, and for reading too unless that was asked for alone: see `Dir::open_at` there.
        open_flags &= !OpenFlags::TRUNCATE;
        if !flags.contains(DescriptorFlags::WRITE) {
            flags |= DescriptorFlags::READ | DescriptorFlags::WRITE;
        }
    }
    let opened = store.data_mut().filesystem().open_at(dir, path_flags, path, open_flags, flags).await;
    let opened = match code(opened)? {
        (Ok(opened),) => opened,
        refused => return Ok(refused),
    };
    let made_ready = make_ready(store, &opened, truncate).await;
    match code(made_ready)? {
        (Ok(()),) => Ok((Ok(opened),)),
        (Err(error),) => {
            store.data_mut().filesystem().table.delete(opened)?;
            Ok((Err(error),))
        }
    }
}

/// Tells the domain if a file is open for writing now, and then truncates it if that was asked for.
async fn make_ready<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    opened: &Resource<Descriptor>,
    truncate: bool,
) -> FsResult<()> {
    let file: Arc<std::fs::File> = match store.data_mut().filesystem().table.get(opened)? {
        Descriptor::File(file) if file.open_mode.contains(OpenMode::WRITE) => file.file.clone(),
        Descriptor::File(_) | Descriptor::Dir(_) => return Ok(()),
    };
    let metadata = file.metadata().map_err(|error| FsError::from(FsErrorCode::from(&error)))?;
    if !metadata.is_file() {
        return Ok(());
    }
    let told = guest(store).opened_for_writing((metadata.dev(), metadata.ino()));
    told.map_err(|code| match code {
        Code::Busy => FsErrorCode::Busy,
        _ => FsErrorCode::InsufficientMemory,
    })?;
    if truncate {
        let same = Resource::new_borrow(opened.rep());
        store.data_mut().filesystem().set_size(same, 0).await?;
    }
    Ok(())
}

/// An error of wasmtime-wasi's as the guest gets it; a trap stays one.
fn code<R>(result: FsResult<R>) -> Result<(Fs<R>,)> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(error.downcast()?),
    },))
}
