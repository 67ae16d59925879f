//! An arena, used and misused.

use std::io;

use memctl_guest::{Arena, Error, domain};

pub(crate) fn run(what: &str) -> io::Result<()> {
    let granule = domain::granule();
    if what == "lean" {
        return Ok(lean()?);
    }
    let mut arena = Arena::reserve(64 << 20)?;
    match what {
        "fine" => fine(&mut arena)?,
        "behind" => {
            let first = arena.alloc(1_u8)?;
            println!("{}", (&raw const *first).addr());
            crate::at::store_beside(first, granule.cast_signed());
        }
        "after-reset" => {
            let first = &raw const *arena.alloc(1_u8)?;
            println!("{}", first.addr());
            arena.reset()?;
            println!("{}", crate::at::load_at(first));
        }
        "full" => {
            println!("{:?}", arena.alloc_zeroed((64 << 20) + 1));
            println!("{}", arena.alloc_zeroed(64 << 20)?.len());
            println!("{:?}", arena.alloc(1_u8));
            println!("{}", arena.committed() == arena.reserved());
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    }
    println!("no trap");
    Ok(())
}

/// Reserves a gigabyte and uses a megabyte, many times over.
fn lean() -> Result<(), Error> {
    let mut arena = Arena::reserve(1 << 30)?;
    for _ in 0..100 {
        arena.alloc_zeroed(1 << 20)?.fill(1);
        arena.reset()?;
    }
    for _ in 0..3 {
        drop(arena);
        arena = Arena::reserve(1 << 30)?;
        arena.alloc_zeroed(1 << 20)?.fill(1);
    }
    println!("{} of {}", arena.committed(), arena.reserved());
    Ok(())
}

fn fine(arena: &mut Arena) -> Result<(), Error> {
    println!("{:?}", (arena.used(), arena.committed(), arena.reserved()));
    for round in 0..3_u64 {
        let numbers: Vec<&mut u64> = (0..1000).map(|n| arena.alloc(n * round)).collect::<Result<_, _>>()?;
        let odd = arena.alloc(1_u8)?;
        let aligned = arena.alloc(1_u128)?;
        assert_eq!((&raw const *aligned).addr() % align_of::<u128>(), 0);
        let text = arena.alloc_str("some text")?;
        let zeroes = arena.alloc_zeroed(100_000)?;
        assert!(zeroes.iter().all(|&byte| byte == 0), "new bytes are zero");
        zeroes.fill(0xff);
        let slice = arena.alloc_slice(&[1_u16, 2, 3])?;
        slice[1] += u16::from(*odd);
        println!("{} {text} {slice:?} {}", numbers.iter().map(|number| **number).sum::<u64>(), zeroes.len());
        assert!(arena.used() <= arena.committed() && arena.committed() < 200_000, "{arena:?}");
        if round == 1 {
            arena.reset_keeping(5000)?;
            assert_eq!(arena.committed(), 5000_usize.next_multiple_of(domain::granule()));
        } else {
            arena.reset()?;
            assert_eq!(arena.committed(), 0);
        }
        assert_eq!(arena.used(), 0);
    }
    Ok(())
}
