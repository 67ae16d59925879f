//! Files, with std and with wasi:filesystem.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};

use memctl_guest::bindings::object::Object;

use crate::bindings::exports::memctl::probe::probe::FileStep;
use crate::bindings::wasi::filesystem::preopens;
use crate::bindings::wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use crate::bindings::wasi::memory_control::file_object;
use crate::{memory, wire};

/// The text of any error, for the host's test to read.
fn text(error: impl ToString) -> String {
    error.to_string()
}

fn open(path: &str, writable: bool) -> Result<File, String> {
    OpenOptions::new().read(true).write(writable).open(path).map_err(text)
}

fn open_at(path: &str, writable: bool, offset: u64) -> Result<File, String> {
    let mut file = open(path, writable)?;
    file.seek(SeekFrom::Start(offset)).map_err(text)?;
    Ok(file)
}

pub(crate) fn from_path(path: &str, writable: bool) -> Result<Object, String> {
    let object = memctl_guest::Object::from_file(&open(path, writable)?);
    // The name of the error: the test compares it.
    object.map(memctl_guest::Object::into_resource).map_err(|error| format!("{error:?}"))
}

pub(crate) fn from_descriptor(path: &str, writable: bool) -> Result<Object, String> {
    let path = path.trim_start_matches('/');
    let mut flags = DescriptorFlags::READ;
    flags.set(DescriptorFlags::WRITE, writable);
    let mut refused = "no directory is preopened".to_owned();
    for (directory, name) in preopens::get_directories() {
        let name = name.trim_start_matches('/');
        let below = path.strip_prefix(name).map_or(path, |rest| rest.trim_start_matches('/'));
        match directory.open_at(PathFlags::empty(), below, OpenFlags::empty(), flags) {
            Ok(file) => {
                return file_object::from_file(&file).map_err(|code| format!("{:?}", memctl_guest::Error::from(code)));
            }
            Err(code) => refused = format!("{code:?}"),
        }
    }
    Err(refused)
}

pub(crate) fn advise(path: &str, ticket: u64) -> Result<(), i32> {
    let file = File::open(path).map_err(|error| error.raw_os_error().unwrap_or(-1))?;
    wire::advise(&file, ticket)
}

pub(crate) fn write(path: &str, offset: u64, bytes: &[u8]) -> Result<(), String> {
    open_at(path, true, offset)?.write_all(bytes).map_err(text)
}

pub(crate) fn read(path: &str, offset: u64, len: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    open_at(path, false, offset)?.take(len as u64).read_to_end(&mut bytes).map_err(text)?;
    Ok(bytes)
}

pub(crate) fn write_from(path: &str, offset: u64, address: u32, len: u32) -> Result<u32, String> {
    let mut file = open_at(path, true, offset)?;
    let written = file.write(memory::bytes(address, len)).map_err(text)?;
    u32::try_from(written).map_err(text)
}

pub(crate) fn read_into(path: &str, offset: u64, address: u32, len: u32) -> Result<u32, String> {
    let mut file = open_at(path, false, offset)?;
    let read = file.read(memory::bytes(address, len)).map_err(text)?;
    u32::try_from(read).map_err(text)
}

pub(crate) fn set_len(path: &str, len: u64) -> Result<(), String> {
    open(path, true)?.set_len(len).map_err(text)
}

pub(crate) fn sync(path: &str) -> Result<(), String> {
    open(path, true)?.sync_all().map_err(text)
}

pub(crate) fn truncate(path: &str) -> Result<(), String> {
    OpenOptions::new().write(true).truncate(true).open(path).map(drop).map_err(text)
}

pub(crate) fn use_file(path: &str, steps: &[FileStep]) -> Result<Vec<u8>, String> {
    let mut file = open(path, true)?;
    let mut appended = OpenOptions::new().append(true).open(path).map_err(text)?;
    let mut seen = Vec::new();
    for step in steps {
        match *step {
            FileStep::Store((address, value)) => memory::store(address, value),
            FileStep::Load(address) => seen.push(memory::load(address)),
            FileStep::Write((offset, value)) => {
                file.seek(SeekFrom::Start(offset)).map_err(text)?;
                file.write_all(&[value]).map_err(text)?;
            }
            FileStep::Read(offset) => {
                file.seek(SeekFrom::Start(offset)).map_err(text)?;
                let mut byte = [0xff];
                // None, past the end.
                let _count = file.read(&mut byte).map_err(text)?;
                seen.push(byte[0]);
            }
            FileStep::Append(value) => appended.write_all(&[value]).map_err(text)?,
            FileStep::SetLen(len) => file.set_len(len).map_err(text)?,
            FileStep::Sync => file.sync_all().map_err(text)?,
        }
    }
    Ok(seen)
}
