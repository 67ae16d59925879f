//! What programs do with windows, through the SDK.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom, Write};

use memctl_guest::extra::Slot;
use memctl_guest::{
    AnyWindow, Cursor, Error, MapOptions, Object, Result, View, ViewMut, Window, Window64, domain, extra,
};

use crate::Program;
use crate::bindings::exports::memctl::windows_guest::scenes::Guest;

/// The windows that this program is linked with: 1 and 2 with 32-bit addresses, 3 with 64-bit ones.
const LINKED: u32 = 3;

fn granule() -> u64 {
    domain::granule() as u64
}

/// Every access that there is, in bytes that are zero.
fn access_all<S: Slot>(bytes: &mut extra::BoundWriteGuard<'_, S>) -> Result<()> {
    let end = bytes.size();
    bytes.store(0, 0x0102_0304_0506_0708_u64)?;
    bytes.store(9, -1_i8)?;
    bytes.store(11, -2_i16)?;
    bytes.store(13, i32::MIN)?;
    bytes.store(17, -3_i64)?;
    bytes.store(25, 1.5_f32)?;
    bytes.store(29, -2.5_f64)?;
    bytes.store(37, u128::MAX - 7)?;
    bytes.store(53, -9_i128)?;
    bytes.store(end - 2, 0xabcd_u16)?;
    assert_eq!([bytes.load::<u8>(0)?, bytes.load(7)?], [8, 1]);
    assert_eq!((bytes.load::<u32>(2)?, bytes.load::<u64>(0)?), (0x0304_0506, 0x0102_0304_0506_0708));
    assert_eq!((bytes.load::<i8>(9)?, bytes.load::<i16>(11)?), (-1, -2));
    assert_eq!((bytes.load::<i32>(13)?, bytes.load::<i64>(17)?), (i32::MIN, -3));
    assert_eq!(
        (bytes.load::<f32>(25)?.to_bits(), bytes.load::<f64>(29)?.to_bits()),
        (1.5_f32.to_bits(), (-2.5_f64).to_bits())
    );
    assert_eq!((bytes.load::<u128>(37)?, bytes.load::<i128>(53)?), (u128::MAX - 7, -9));
    for offset in [end - 1, end, u64::MAX, 1 << 32, u64::MAX - 1] {
        assert_eq!(bytes.load::<u16>(offset), Err(Error::Bounds), "{offset:#x}");
        assert_eq!(bytes.store(offset, 1_u16), Err(Error::Bounds), "{offset:#x}");
        assert_eq!(bytes.write_at(offset, &[1, 2]), Err(Error::Bounds), "{offset:#x}");
        assert_eq!(bytes.read_at(offset, &mut [0; 2]), Err(Error::Bounds), "{offset:#x}");
        assert_eq!(bytes.compare(offset, &[0xcd, 0xab]), Err(Error::Bounds), "{offset:#x}");
        assert_eq!(bytes.copy_range(0..2, offset), Err(Error::Bounds), "{offset:#x}");
    }
    assert_eq!(bytes.load::<u16>(end - 2)?, 0xabcd);

    bytes.write_at(100, b"windows")?;
    bytes.copy_range(100..107, 103)?;
    let mut ten = [0; 10];
    bytes.read_at(100, &mut ten)?;
    assert_eq!(&ten, b"winwindows");
    assert_eq!(bytes.compare(100, b"winwindows")?, Ordering::Equal);
    assert_eq!(bytes.compare(100, b"winwindowt")?, Ordering::Less);
    assert_eq!(bytes.compare(100, b"vin")?, Ordering::Greater);
    bytes.fill_range(101..109, b'-')?;
    bytes.read_at(100, &mut ten)?;
    assert_eq!(&ten, b"w--------s");
    bytes.write_at(end, &[])?;
    bytes.fill_range(end..end, 1)?;

    assert_eq!(bytes.atomic_load_u32(1), Err(Error::Alignment));
    bytes.atomic_store_u32(128, 5)?;
    assert_eq!(bytes.fetch_add_u32(128, 3)?, 5);
    assert_eq!(bytes.compare_exchange_u32(128, 8, 9)?, 8);
    bytes.atomic_store_u64(136, 0xf0)?;
    assert_eq!((bytes.fetch_or_u64(136, 0xf)?, bytes.fetch_xor_u64(136, 1)?), (0xf0, 0xff));
    assert_eq!((bytes.fetch_and_u64(136, 0xf0)?, bytes.swap_u64(136, 1)?), (0xfe, 0xf0));
    assert_eq!((bytes.fetch_sub_u64(136, 2)?, bytes.atomic_load_u64(136)?), (1, u64::MAX));
    assert_eq!(bytes.atomic_load_u32(128)?, 9);
    bytes.copy_from(200, &b"from memory 0"[..], 5..11)?;
    assert_eq!(bytes.compare(200, b"memory")?, Ordering::Equal);
    assert_eq!(bytes.copy_from(end - 5, &b"from memory 0"[..], 5..11), Err(Error::Bounds));
    Ok(())
}

/// A sum for both, mappings and windows.
fn checksum(bytes: &(impl View + ?Sized)) -> Result<u64> {
    let (mut sum, mut blocks) = (0_u64, bytes.blocks(1000));
    while let Some(block) = blocks.next()? {
        sum = block.iter().fold(sum, |sum, byte| u64::wrapping_mul(sum, 31).wrapping_add(u64::from(*byte)));
    }
    Ok(sum)
}

/// Every third word, counted.
fn number(bytes: &mut (impl ViewMut + ?Sized)) -> Result<()> {
    for (count, offset) in (0..bytes.size() - 3).step_by(12).enumerate() {
        bytes.store(offset, u32::try_from(count).expect("few"))?;
    }
    bytes.fill_range(4..8, 0xee)
}

fn accesses() -> Result<()> {
    let (one, three) = (Window::<1>::take()?, Window64::<3>::take()?);
    let len = 2 * granule();
    let object = Object::anonymous(2 * len)?;
    let mut narrow = one.bind_mut(&object, MapOptions::new().len64(len))?;
    let mut wide = three.bind_mut_at(granule(), &object, MapOptions::new().offset(len))?;
    access_all(&mut narrow.write()?)?;
    access_all(&mut wide.write()?)?;
    assert_eq!(checksum(&narrow.read()?)?, checksum(&wide.read()?)?);
    let mut bytes = wide.write()?;
    let from = narrow.read()?;
    bytes.copy_between(10, &from, 100..110)?;
    assert_eq!(bytes.compare(10, b"w--------s")?, Ordering::Equal);
    assert_eq!(bytes.copy_between(10, &from, 0..len + 1), Err(Error::Bounds));
    let address = u32::try_from(from.start()).expect("small") + 100;
    assert_eq!(from.peek::<u8>(address), b'w');
    bytes.poke(granule(), 0xaa_u8);
    assert_eq!(bytes.load::<u8>(0)?, 0xaa);
    Ok(())
}

fn generic() -> Result<()> {
    let len = granule() + 100;
    let (in_memory, in_window) = (Object::anonymous(len)?, Object::anonymous(len)?);
    let window = Window::<1>::take()?;
    let mut mapping = MapOptions::new().map_mut(&in_memory)?;
    let mut bound = window.bind_mut(&in_window, MapOptions::new())?;
    assert_eq!((bound.len(), window.len()? >= len), (len, true));
    number(&mut mapping.write()?)?;
    number(&mut bound.write()?)?;
    let (mapped, shown) = (mapping.read()?, bound.read()?);
    assert_eq!(checksum(&mapped)?, checksum(&shown)?);
    drop(mapped);
    let mut mapped = mapping.write()?;
    mapped.copy_from(1, &shown, 0..600)?;
    assert_eq!(mapped.compare(1, &0_u32.to_le_bytes())?, Ordering::Equal);
    assert_eq!(mapped.load::<u8>(5)?, 0xee);
    Ok(())
}

fn cursors() -> Result<(), Box<dyn std::error::Error>> {
    let window = AnyWindow::take(2)?;
    let mut bound = window.bind_mut(&Object::anonymous(granule())?, MapOptions::new().automatic())?;
    let mut cursor = Cursor::new(bound.direct_mut()?);
    for line in 0..100 {
        writeln!(cursor, "line {line}")?;
    }
    cursor.rewind()?;
    let lines: Vec<String> = (&mut cursor).lines().take(100).collect::<Result<_, _>>()?;
    assert_eq!((lines[0].as_str(), lines[99].as_str()), ("line 0", "line 99"));
    cursor.seek(SeekFrom::End(-4))?;
    assert_eq!(cursor.write(b"longer")?, 4);
    cursor.seek(SeekFrom::Current(-2))?;
    let mut rest = String::new();
    cursor.read_to_string(&mut rest)?;
    assert_eq!(rest, "ng", "as much as fit");
    drop(cursor);
    assert_eq!(bound.direct()?.load::<u8>(granule() - 4)?, b'l');
    Ok(())
}

fn leases() -> Result<()> {
    let (one, two) = (Window::<1>::take()?, Window::<2>::take()?);
    let object = Object::anonymous(2 * granule())?;
    let mut a = one.bind_mut(&object, MapOptions::new())?;
    let b = two.bind(&object, MapOptions::new().shared())?;
    let mut bytes = a.write_range(..granule())?;
    assert_eq!(b.read().err(), Some(Error::Busy));
    assert_eq!(b.read_range(granule()..)?.load::<u8>(0)?, 0, "the rest is free");
    bytes.write_at(0, b"written")?;
    bytes.release()?;
    assert_eq!(b.read()?.compare(0, b"written")?, Ordering::Equal);
    assert_eq!(a.direct().err(), Some(Error::Unsupported));
    assert_eq!(a.read_range(..3 * granule()).err(), Some(Error::Bounds));
    let reading = b.read()?;
    assert_eq!(a.write().err(), Some(Error::Busy));
    reading.release()?;

    // A private binding needs no leases, and nobody sees it.
    b.unbind()?;
    let mut own = two.bind_mut(&object, MapOptions::new().private())?;
    own.direct_mut()?.write_at(0, b"private")?;
    assert_eq!(a.read()?.compare(0, b"written")?, Ordering::Equal);
    own.unbind()?;

    // What is bound again shows something else, or what it did.
    let other = Object::anonymous(2 * granule())?;
    let reading = a.read()?;
    drop(reading);
    assert_eq!(a.rebind(&other, MapOptions::new().offset(1)), Err(Error::Alignment));
    assert_eq!(a.rebind(&other, MapOptions::new().offset(granule())), Err(Error::Bounds));
    assert_eq!(a.rebind(&other, MapOptions::new().len64(3 * granule())), Err(Error::Bounds));
    assert_eq!(a.read()?.compare(0, b"written")?, Ordering::Equal);
    a.rebind(&other, MapOptions::new())?;
    assert_eq!(a.read()?.load::<u64>(0)?, 0);
    a.rebind(&object, MapOptions::new())?;
    assert_eq!(a.read()?.compare(0, b"written")?, Ordering::Equal);
    Ok(())
}

fn owners() -> Result<()> {
    assert_eq!(extra::count(), LINKED);
    assert_eq!(Window::<4>::take().err(), Some(Error::NotFound));
    assert_eq!(Window::<0>::take().err(), Some(Error::NotFound));
    assert_eq!(AnyWindow::take(u32::MAX).err(), Some(Error::NotFound));
    let one = Window::<1>::take()?;
    assert_eq!(Window64::<1>::take().err(), Some(Error::Busy));
    assert_eq!(AnyWindow::take(1).err(), Some(Error::Busy));
    let object = Object::anonymous(granule())?;
    let bound = one.bind(&object, MapOptions::new())?;
    drop(one);
    let one = Window::<1>::take()?;
    assert_eq!(one.bind(&object, MapOptions::new()).err(), Some(Error::Overlap), "what was bound stays");
    drop(bound);
    let bound = one.bind(&object, MapOptions::new())?;
    core::mem::forget(bound.read()?);
    assert_eq!(bound.unbind(), Err(Error::Busy), "a leaked guard keeps it");
    let far = Window64::<3>::take()?;
    assert!(far.len()? > 4 << 30);
    assert_eq!(far.bind_at(u64::MAX - granule() + 1, &object, MapOptions::new()).err(), Some(Error::Bounds));
    let two = Window::<2>::take()?;
    assert_eq!(two.bind_at(1 << 32, &object, MapOptions::new()).err(), Some(Error::Bounds));
    assert_eq!(two.bind_at(1, &object, MapOptions::new()).err(), Some(Error::Alignment));
    Ok(())
}

fn slide(path: &str, len: u64) -> Result<u64, Box<dyn std::error::Error>> {
    let object = Object::from_file(&File::open(path)?)?;
    let window = Window::<1>::take()?;
    let end = object.len()?;
    let mut bound = window.bind(&object, MapOptions::new().len64(len))?;
    let (mut sum, mut offset) = (0_u64, 0);
    loop {
        let bytes = bound.direct()?;
        let mut blocks = bytes.blocks(1 << 16);
        while let Some(block) = blocks.next()? {
            sum = block.iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        }
        offset += len;
        if offset >= end {
            return Ok(sum);
        }
        bound.rebind(&object, MapOptions::new().offset(offset))?;
    }
}

fn peek_far(path: &str, at: &[u64]) -> Result<u64, Box<dyn std::error::Error>> {
    let object = Object::from_file(&File::open(path)?)?;
    let bound = Window64::<3>::take()?.bind(&object, MapOptions::new())?;
    assert_eq!(bound.len(), object.len()?);
    let bytes = bound.direct()?;
    assert_eq!(bytes.load::<u8>(bytes.size()), Err(Error::Bounds));
    Ok(at.iter().map(|at| bytes.load::<u8>(*at).map(u64::from)).sum::<Result<u64>>()?)
}

impl Guest for Program {
    fn accesses() {
        accesses().expect("as it should be");
    }

    fn generic() {
        generic().expect("as it should be");
    }

    fn cursors() {
        cursors().expect("as it should be");
    }

    fn leases() {
        leases().expect("as it should be");
    }

    fn slide(path: String, len: u64) -> u64 {
        slide(&path, len).expect("as it should be")
    }

    fn peek_far(path: String, at: Vec<u64>) -> u64 {
        peek_far(&path, &at).expect("as it should be")
    }

    fn owners() {
        owners().expect("as it should be");
    }
}
