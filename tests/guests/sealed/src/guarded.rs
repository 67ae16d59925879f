//! Guarded buffers, used and misused.

use std::hint::black_box;
use std::io;

use memctl_guest::{Error, GuardedBuf, domain};

pub(crate) fn run(what: &str) -> io::Result<()> {
    let granule = domain::granule().cast_signed();
    let before = domain::usage().protected_ranges;
    let mut buf = GuardedBuf::new(100)?;
    assert!(buf.iter().all(|&byte| byte == 0), "it begins with zeroes");
    buf.fill(7);
    println!("{}", buf.as_ptr().addr());
    match what {
        "fine" => {
            fine(buf)?;
            println!("{} more protected ranges than before", domain::usage().protected_ranges - before);
        }
        "over" => crate::at::store_beside(buf.as_ptr(), 100),
        "under" => crate::at::store_beside(buf.as_ptr(), -granule),
        "canary" => {
            crate::at::store_beside(buf.as_ptr(), -1);
            println!("not noticed yet");
            drop(buf);
        }
        "read-only" => {
            let buf = buf.read_only().map_err(Error::from)?;
            println!("{}", buf[99]);
            crate::at::store_beside(buf.as_ptr(), 0);
        }
        "no-access" => {
            let buf = buf.no_access().map_err(Error::from)?;
            println!("{}", crate::at::load_at(buf.as_ptr()));
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    }
    println!("no trap");
    Ok(())
}

fn fine(buf: GuardedBuf) -> Result<(), Error> {
    let buf = buf.no_access()?.read_only()?;
    println!("{}", buf.iter().map(|&byte| u32::from(byte)).sum::<u32>());
    let mut buf = buf.read_write()?;
    buf[0] = 0;
    let used = domain::usage().protected_ranges;
    drop(buf);
    println!("{} fewer protected ranges", used - domain::usage().protected_ranges);
    // The allocator has it back, and can give it away again.
    let again: Vec<GuardedBuf> = (0..10).map(GuardedBuf::new).collect::<Result<_, _>>()?;
    println!("{} bytes in {} buffers", again.iter().map(|buf| buf.len()).sum::<usize>(), again.len());
    drop(again);
    let ordinary: Vec<Vec<u8>> = (0..100).map(|at| black_box(vec![at; 10_000])).collect();
    println!("{}", ordinary.iter().flatten().map(|&byte| u64::from(byte)).sum::<u64>());
    Ok(())
}
