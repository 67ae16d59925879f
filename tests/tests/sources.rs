//! Objects whose bytes are wherever the embedder says.

use std::sync::{Arc, Mutex};

use memctl_tests::probe::{Access, ErrorCode};
use memctl_tests::{AUTOMATIC, GRANULE, LEASED, World};
use memctl_wasmtime::{Error, Mode, Rights, Source, Storage};

/// A device of one granule: reading it tells how often it was read, and what is written is sent.
#[derive(Clone, Default)]
struct Device(Arc<Mutex<Registers>>);

#[derive(Default)]
struct Registers {
    reads: u8,
    sent: Vec<(u64, Vec<u8>)>,
    broken: bool,
}

impl Storage for Device {
    fn size(&self) -> Result<u64, Error> {
        Ok(GRANULE)
    }

    fn read_at(&self, _offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let mut registers = self.0.lock().expect("no panic");
        if registers.broken {
            return Err(Error::Io { what: "read the device", errno: 5 });
        }
        registers.reads += 1;
        bytes.fill(registers.reads);
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.0.lock().expect("no panic").sent.push((offset, bytes.to_vec()));
        Ok(())
    }

    fn set_size(&mut self, _size: u64) -> Result<(), Error> {
        Err(Error::Unsupported { why: "a device is as long as it is" })
    }

    fn sync(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

fn with_device(mode: Mode) -> (World, Device) {
    let (world, device) = (World::new(mode), Device::default());
    world.domain.publish("device", Source::storage(device.clone()), Rights::READ | Rights::WRITE).expect("a new name");
    (world, device)
}

#[test]
fn a_lease_reads_the_device_anew_and_its_release_sends_what_was_stored() {
    for mode in [Mode::Copy, Mode::Auto] {
        let (world, device) = with_device(mode);
        let mut guest = world.guest();
        let mapped = guest.mapped_by_name("device", GRANULE, LEASED);
        let mut seen = 0;
        for _turn in 0..3 {
            let lease = guest.acquire(mapped, Access::Read).expect("free");
            let now = guest.read(mapped.start + 5, 1)[0];
            assert!(now > seen, "{now} after {seen}, on {mode:?}");
            seen = now;
            guest.release(lease, mapped).expect("releases");
        }
        assert_eq!(device.0.lock().expect("no panic").sent, [], "readers send nothing");
        let lease = guest.acquire(mapped, Access::Write).expect("free");
        guest.write(mapped.start, b"hello");
        guest.release(lease, mapped).expect("releases");
        let sent = std::mem::take(&mut device.0.lock().expect("no panic").sent);
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].0, &sent[0].1[..5], sent[0].1.len() as u64), (0, &b"hello"[..], GRANULE));
    }
}

#[test]
fn a_device_that_fails_fails_the_lease_and_nothing_else() {
    let (world, device) = with_device(Mode::Copy);
    let mut guest = world.guest();
    let mapped = guest.mapped_by_name("device", GRANULE, LEASED);
    device.0.lock().expect("no panic").broken = true;
    assert_eq!(guest.acquire(mapped, Access::Read), Err(ErrorCode::Io));
    device.0.lock().expect("no panic").broken = false;
    let lease = guest.acquire(mapped, Access::Read).expect("nothing was left behind");
    guest.release(lease, mapped).expect("releases");
}

#[test]
fn a_device_is_never_aliased() {
    let (world, _) = with_device(Mode::Alias);
    let mut guest = world.guest();
    let object = guest.open("device");
    let start = guest.alloc(4096);
    for ask in [LEASED, AUTOMATIC] {
        assert_eq!(guest.try_map(start, GRANULE, object, ask).err(), Some(ErrorCode::Unsupported));
    }
}
