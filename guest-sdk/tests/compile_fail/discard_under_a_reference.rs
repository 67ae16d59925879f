//! Bytes that are discarded change.

use memctl_guest::{Result, protection};

fn main() -> Result<()> {
    let mut bytes = vec![1; 65536];
    let first = &bytes[0];
    protection::discard(&mut bytes)?;
    assert_eq!(*first, 1);
    Ok(())
}
