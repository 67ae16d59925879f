//! A program that is sealed from the beginning on, without a call.

use std::env;
use std::ptr;

use memctl_guest::protection;

memctl_guest::declare_protection!(no_access: 65536);

fn main() {
    let bounds = protection::sealed();
    println!("{} {}", bounds.no_access, bounds.read_only);
    println!("{:?}", memctl_guest::seal_rodata());
    if let Some(address) = env::args().nth(1) {
        let address = address.parse().expect("a decimal address");
        // SAFETY: none: the test expects the trap.
        println!("{}", unsafe { ptr::with_exposed_provenance::<u8>(address).read_volatile() });
    }
}
