//! A program whose linker was told nothing: it prints why it can't be sealed.

fn main() {
    match memctl_guest::seal_rodata() {
        Ok(bounds) => println!("{bounds:?}"),
        Err(error) => println!("{error}"),
    }
}
