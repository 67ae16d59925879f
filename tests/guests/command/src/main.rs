//! A command that maps files and objects as its arguments say. What a name or path gets is [`pattern`], in all of its bytes.

use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::ExitCode;

use memctl_guest::{MapOptions, Object, domain};

const USAGE: &str = "usage: guest-command SUBCOMMAND
  echo ARG...        print the arguments
  exit N             exit with status N
  env K              print the environment variable K
  write-shared NAME  map the object NAME shared, and write a pattern
  write-file PATH    map the file PATH shared, and write a pattern under a lease
  write-cells PATH   map the file PATH shared and automatic, and write a pattern without one
  cat-object NAME    print the object NAME
  cat-file PATH      print the file PATH, mapped
  peek NAME          map the object NAME, read a byte under a guard, and read it again without one
  trap               execute an unreachable instruction
  diverge            print what differs between backends: the domain's capabilities";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["echo", ref words @ ..] => {
            println!("{}", words.join(" "));
            Ok(())
        }
        ["exit", status] => match status.parse::<u8>() {
            Ok(status) => return ExitCode::from(status),
            Err(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "N is 0 to 255")),
        },
        ["env", key] => match env::var(key) {
            Ok(value) => {
                println!("{value}");
                Ok(())
            }
            Err(error) => Err(io::Error::other(error)),
        },
        ["write-shared", name] => Object::open(name).map_err(Into::into).and_then(|object| write_leased(&object)),
        ["write-file", path] => open(path).and_then(|object| write_leased(&object)),
        ["write-cells", path] => open(path).and_then(|object| write_automatic(&object)),
        ["cat-object", name] => Object::open(name).map_err(Into::into).and_then(|object| cat(&object)),
        ["cat-file", path] => open_to_read(path).and_then(|object| cat(&object)),
        ["peek", name] => Object::open(name).map_err(Into::into).and_then(|object| peek(&object)),
        ["trap"] => trap(),
        ["diverge"] => {
            println!("{:?}", domain::capabilities());
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("guest-command: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The byte that is written at `at`: letters, so that it can be looked at.
fn pattern(at: usize) -> u8 {
    b"abcdefghijklmnopqrstuvwxyz\n"[at % 27]
}

fn open(path: &str) -> io::Result<Object> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    Ok(Object::from_file(&file)?)
}

fn open_to_read(path: &str) -> io::Result<Object> {
    Ok(Object::from_file(&OpenOptions::new().read(true).open(path)?)?)
}

fn write_leased(object: &Object) -> io::Result<()> {
    let mut mapping = MapOptions::new().map_mut(object)?;
    let mut bytes = mapping.write()?;
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = pattern(at);
    }
    bytes.release()?;
    mapping.sync()?;
    Ok(mapping.unmap()?)
}

fn write_automatic(object: &Object) -> io::Result<()> {
    let mut mapping = MapOptions::new().automatic().map_mut(object)?;
    let cells = mapping.cells()?;
    for (at, byte) in cells.iter().enumerate() {
        byte.set(pattern(at));
    }
    mapping.sync()?;
    Ok(mapping.unmap()?)
}

fn cat(object: &Object) -> io::Result<()> {
    if object.is_empty()? {
        return Ok(());
    }
    let mapping = MapOptions::new().private().map(object)?;
    io::stdout().write_all(&mapping.read()?)?;
    Ok(mapping.unmap()?)
}

/// What a program must not do: others may be writing there.
fn peek(object: &Object) -> io::Result<()> {
    let mut mapping = MapOptions::new().map_mut(object)?;
    mapping.write()?[0] = b'!';
    let guard = mapping.read()?;
    let first = guard.as_ptr();
    println!("with a guard: {}", char::from(guard[0]));
    guard.release()?;
    // SAFETY: the window is this guest's memory for as long as the mapping lives, and nobody else runs. The pointer outlived its guard, which
    // is what this is here to show.
    let byte = unsafe { first.read_volatile() };
    println!("without one: {}", char::from(byte));
    Ok(mapping.unmap()?)
}

/// Ends this instance the hard way. Natively that is a panic, so that the program compiles.
fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    panic!("trap");
}

/// Run inside a domain by `cargo test --target wasm32-wasip2` with `memctl run` as the runner; natively there is no host.
#[cfg(test)]
mod tests {
    use memctl_guest::{Error, Object, domain};

    #[test]
    fn without_a_host_there_are_no_objects() {
        if cfg!(not(target_arch = "wasm32")) {
            assert_eq!(Object::anonymous(1).unwrap_err(), Error::Unsupported);
            assert_eq!(Object::open("name").unwrap_err(), Error::Unsupported);
            assert!(domain::capabilities().is_empty());
        }
    }

    #[cfg(target_arch = "wasm32")]
    mod with_a_host {
        use super::*;
        use core::time::Duration;
        use memctl_guest::{MapOptions, Rights, WindowBuf};

        #[test]
        fn a_new_object_is_zero_and_has_all_rights() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            assert_eq!(object.len()?, 100);
            assert_eq!(object.rights(), Rights::all());
            let mapping = MapOptions::new().map(&object)?;
            assert_eq!(*mapping.read()?, [0; 100]);
            mapping.unmap()
        }

        #[test]
        fn what_a_write_guard_released_is_read_elsewhere() -> Result<(), Error> {
            let object = Object::anonymous(10_000)?;
            let mut writer = MapOptions::new().map_mut(&object)?;
            let reader = MapOptions::new().shared().map(&object)?;
            let mut bytes = writer.write_range(5_000..5_005)?;
            bytes.copy_from_slice(b"hello");
            bytes.release()?;
            assert_eq!(*reader.read_range(4_999..5_006)?, *b"\0hello\0");
            Ok(())
        }

        #[test]
        fn a_reader_waits_for_the_writer() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let mut writer = MapOptions::new().map_mut(&object)?;
            let reader = MapOptions::new().shared().map(&object)?;
            let bytes = writer.write()?;
            assert_eq!(reader.read().unwrap_err(), Error::Busy);
            bytes.release()?;
            assert_eq!(reader.read()?.len(), 100);
            Ok(())
        }

        #[test]
        fn nobody_waits_for_its_own_guard() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let mut writer = MapOptions::new().map_mut(&object)?;
            let reader = MapOptions::new().shared().map(&object)?;
            let bytes = writer.write_range(..50)?;
            assert_eq!(reader.read_range_within(49..51, Duration::MAX).unwrap_err(), Error::Deadlock);
            assert_eq!(reader.read_range_within(50.., Duration::MAX)?.len(), 50);
            bytes.release()?;
            assert_eq!(reader.read_range_within(.., Duration::ZERO)?.len(), 100);
            assert_eq!(writer.write_range_within(.., Duration::from_secs(1))?.len(), 100);
            Ok(())
        }

        #[test]
        fn a_guard_goes_from_reading_to_writing_and_back() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let mut mapping = MapOptions::new().map_mut(&object)?;
            let elsewhere = MapOptions::new().shared().map(&object)?;
            let reading = mapping.read_upgradable(..10)?;
            let other = elsewhere.read_range(9..20)?;
            let (reading, error) = reading.upgrade(Duration::MAX).unwrap_err();
            assert_eq!(error, Error::Deadlock, "this guest itself reads elsewhere");
            other.release()?;
            let mut writing = reading.upgrade(Duration::ZERO).map_err(|(_, error)| error)?;
            writing.fill(3);
            let reading = writing.downgrade()?;
            assert_eq!(*elsewhere.read_range(8..11)?, [3, 3, 0]);
            assert_eq!(*reading, [3; 10]);
            reading.release()?;

            let mut snapshot = MapOptions::new().private().map_mut(&object)?;
            let mut own = snapshot.read_upgradable(..)?.upgrade(Duration::ZERO).map_err(|(_, error)| error)?;
            own.fill(4);
            assert_eq!(*own.downgrade()?, [4; 100]);
            assert_eq!(elsewhere.read()?[0], 3);
            Ok(())
        }

        #[test]
        fn a_private_mapping_is_a_snapshot() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let mut writer = MapOptions::new().map_mut(&object)?;
            let mut snapshot = MapOptions::new().private().map_mut(&object)?;
            writer.write()?.fill(1);
            assert_eq!(*snapshot.read()?, [0; 100]);
            snapshot.write()?.fill(2);
            assert_eq!(*writer.read()?, [1; 100]);
            Ok(())
        }

        #[test]
        fn a_range_outside_the_mapping_is_refused() -> Result<(), Error> {
            let mapping = MapOptions::new().map(&Object::anonymous(100)?)?;
            assert_eq!(mapping.read_range(50..101).unwrap_err(), Error::Bounds);
            assert_eq!(mapping.read_range(101..).unwrap_err(), Error::Bounds);
            assert!(mapping.read_range(100..)?.is_empty());
            Ok(())
        }

        #[test]
        fn a_leaked_guard_leaks_the_window_and_nothing_else() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let mut mapping = MapOptions::new().map_mut(&object)?;
            core::mem::forget(mapping.write()?);
            assert_eq!(mapping.read().unwrap_err(), Error::Busy);
            assert_eq!(mapping.unmap().unwrap_err(), Error::Busy);
            let elsewhere = MapOptions::new().shared().map(&object)?;
            assert_eq!(elsewhere.read().unwrap_err(), Error::Busy);
            Ok(())
        }

        #[test]
        fn one_window_serves_again_and_again() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let mut window = WindowBuf::new(100)?;
            for round in 0..100 {
                let mut mapping = MapOptions::new().map_mut_in(window, &object)?;
                let mut bytes = mapping.write()?;
                assert_eq!(bytes[0], round);
                bytes[0] += 1;
                bytes.release()?;
                window = mapping.unmap_into_window()?;
            }
            Ok(())
        }

        #[test]
        fn a_refused_window_comes_back() -> Result<(), Error> {
            let object = Object::anonymous(100)?;
            let window = WindowBuf::new(100)?;
            let refused = MapOptions::new().offset(1 << 40).map_in(window, &object).unwrap_err();
            assert_eq!(refused.error, Error::Bounds);
            MapOptions::new().map_in(refused.window, &object)?.unmap()
        }

        #[test]
        fn usage_comes_back_to_what_it_was() -> Result<(), Error> {
            // Of windows alone: tests of one program run one after another in wasm.
            let before = domain::usage();
            let mapping = MapOptions::new().map(&Object::anonymous(100)?)?;
            assert_eq!(domain::usage().mappings, before.mappings + 1);
            mapping.unmap()?;
            assert_eq!(domain::usage(), before);
            Ok(())
        }
    }
}
