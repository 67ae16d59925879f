//! The functions of `wasi:filesystem` that go through here on their way to wasmtime-wasi, because the domain has to hear of them.
//!
//! `descriptor.advise` is how a guest shows which descriptor it means (see `wit/file-object.wit`), `descriptor.open-at` tells that a file may be
//! written from now on, and the others read, write or resize one: automatic mappings are coherent with those.

use std::os::unix::fs::MetadataExt;

use memctl_core::{Code, Reach};
use wasmtime::component::{Linker, LinkerInstance, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, File, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, ErrorCode as FsErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};
use wasmtime_wasi::runtime::in_tokio;
use wasmtime_wasi::{OpenMode, WasiView};

use crate::MemctlView;
use crate::component::guest;
use crate::files::show;
use crate::heard::Heard;
use crate::streams::{Reader, Writer};

/// The interface that wasmtime-wasi 48 defines, and that a few functions of are shadowed.
const FILESYSTEM: &str = "wasi:filesystem/types@0.2.12";

type Fd = Resource<Descriptor>;
type Fs<T> = Result<T, FsErrorCode>;

/// Defines functions over those of the same names, by functions of this module: for guests that are called with `call`, or with `call_async`.
macro_rules! define {
    ($($name:literal = $function:ident($($param:ident: $Param:ty),*);)*) => {
        fn define_sync<T: MemctlView + WasiView + 'static>(filesystem: &mut LinkerInstance<'_, T>) -> Result<()> {
            $(filesystem.func_wrap(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, T>, ($($param,)*): ($($Param,)*)| in_tokio($function(&mut store, $($param),*)),
            )?;)*
            Ok(())
        }

        fn define_async<T: MemctlView + WasiView + 'static>(filesystem: &mut LinkerInstance<'_, T>) -> Result<()> {
            $(filesystem.func_wrap_async(
                concat!("[method]descriptor.", $name),
                |mut store: StoreContextMut<'_, T>, ($($param,)*): ($($Param,)*)| {
                    Box::new(async move { $function(&mut store, $($param),*).await })
                },
            )?;)*
            Ok(())
        }
    };
}

define! {
    "advise" = advise(file: Fd, offset: u64, len: u64, advice: Advice);
    "open-at" = open_at(dir: Fd, path_flags: PathFlags, path: String, open_flags: OpenFlags, flags: DescriptorFlags);
    "read" = read(file: Fd, len: u64, offset: u64);
    "write" = write(file: Fd, bytes: Vec<u8>, offset: u64);
    "set-size" = set_size(file: Fd, size: u64);
    "sync" = sync(file: Fd);
    "sync-data" = sync_data(file: Fd);
    "read-via-stream" = read_via_stream(file: Fd, offset: u64);
    "write-via-stream" = write_via_stream(file: Fd, offset: u64);
    "append-via-stream" = append_via_stream(file: Fd);
}

pub(crate) fn shadow_sync<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    shadow(linker, define_sync)
}

pub(crate) fn shadow_async<T: MemctlView + WasiView + 'static>(linker: &mut Linker<T>) -> Result<()> {
    shadow(linker, define_async)
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

/// What the domain is to hear of calls on a descriptor; nothing if it is no file, or there is none.
fn heard<T: MemctlView + WasiView>(store: &mut StoreContextMut<'_, T>, file: &Fd) -> Option<Heard> {
    let file: File = match store.data_mut().filesystem().table.get(file) {
        Ok(Descriptor::File(file)) => file.clone(),
        Ok(Descriptor::Dir(_)) | Err(_) => return None,
    };
    Some(Heard::new(guest(store), &file))
}

/// Runs `change`, of which the domain hears before and after.
macro_rules! changing {
    ($store:expr, $file:expr, $reach:expr, $change:expr) => {{
        let heard = heard($store, &$file);
        let changing = heard.as_ref().and_then(|heard| heard.changes($reach));
        let changed = $change.await;
        if let Some(heard) = heard {
            heard.changed(changing);
        }
        changed
    }};
}

async fn read<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
    len: u64,
    offset: u64,
) -> Result<(Fs<(Vec<u8>, bool)>,)> {
    if let Some(heard) = heard(store, &file) {
        heard.read(offset, len);
    }
    code(store.data_mut().filesystem().read(file, len, offset).await)
}

async fn write<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
    bytes: Vec<u8>,
    offset: u64,
) -> Result<(Fs<u64>,)> {
    let reach = Reach::Range { offset, len: bytes.len() as u64 };
    code(changing!(store, file, reach, store.data_mut().filesystem().write(file, bytes, offset)))
}

async fn set_size<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
    size: u64,
) -> Result<(Fs<()>,)> {
    code(changing!(store, file, Reach::Size(size), store.data_mut().filesystem().set_size(file, size)))
}

async fn sync<T: MemctlView + WasiView>(store: &mut StoreContextMut<'_, T>, file: Fd) -> Result<(Fs<()>,)> {
    if let Some(heard) = heard(store, &file) {
        heard.synced();
    }
    code(store.data_mut().filesystem().sync(file).await)
}

async fn sync_data<T: MemctlView + WasiView>(store: &mut StoreContextMut<'_, T>, file: Fd) -> Result<(Fs<()>,)> {
    if let Some(heard) = heard(store, &file) {
        heard.synced();
    }
    code(store.data_mut().filesystem().sync_data(file).await)
}

async fn read_via_stream<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
    position: u64,
) -> Result<(Fs<Resource<DynInputStream>>,)> {
    let heard = heard(store, &file);
    let mut filesystem = store.data_mut().filesystem();
    let stream = filesystem.read_via_stream(file, position);
    if let (Ok(stream), Some(heard)) = (&stream, heard) {
        let stream = filesystem.table.get_mut(stream)?;
        let inner = std::mem::replace(stream, Box::new(wasmtime_wasi::p2::pipe::ClosedInputStream));
        *stream = Box::new(Reader { inner, heard, position });
    }
    code(stream)
}

async fn write_via_stream<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
    position: u64,
) -> Result<(Fs<Resource<DynOutputStream>>,)> {
    let heard = heard(store, &file);
    let stream = store.data_mut().filesystem().write_via_stream(file, position);
    code(hear_writes(store, stream, heard, Some(position))?)
}

async fn append_via_stream<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
) -> Result<(Fs<Resource<DynOutputStream>>,)> {
    let heard = heard(store, &file);
    let stream = store.data_mut().filesystem().append_via_stream(file);
    code(hear_writes(store, stream, heard, None)?)
}

fn hear_writes<T: WasiView>(
    store: &mut StoreContextMut<'_, T>,
    stream: FsResult<Resource<DynOutputStream>>,
    heard: Option<Heard>,
    position: Option<u64>,
) -> Result<FsResult<Resource<DynOutputStream>>> {
    if let (Ok(stream), Some(heard)) = (&stream, heard) {
        let stream = store.data_mut().filesystem().table.get_mut(stream)?;
        let inner = std::mem::replace(stream, Box::new(wasmtime_wasi::p2::pipe::ClosedOutputStream));
        *stream = Box::new(Writer { inner, heard, position, writing: None });
    }
    Ok(stream)
}

async fn advise<T: MemctlView + WasiView>(
    store: &mut StoreContextMut<'_, T>,
    file: Fd,
    offset: u64,
    len: u64,
    advice: Advice,
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
    dir: Fd,
    path_flags: PathFlags,
    path: String,
    mut open_flags: OpenFlags,
    mut flags: DescriptorFlags,
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
    let file: std::sync::Arc<std::fs::File> = match store.data_mut().filesystem().table.get(opened)? {
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
        changing!(store, same, Reach::Size(0), store.data_mut().filesystem().set_size(same, 0))?;
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
