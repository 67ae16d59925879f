//! The custom section in which a module declares what is protected; see `docs/static-protection.md`.

/// Declares, for memory 0 of the module that this is linked into, what is protected from the beginning on: it needs no call, and can't be left out. The
/// host, or a tool that instruments the module, reads it.
///
/// Below `no_access` nothing can be loaded or stored; from there to below `read_only`, if that is given, nothing can be stored. Both are in bytes and
/// rounded down to the host's granule. Once in a program: who reads two declarations for a memory refuses the module.
///
/// The linker must have been told to put nothing else there, by the flags that the [`protection`](crate::protection) module
/// names: by default the stack begins at address 0. Where constants end is known only to the linker, which is why [`seal_rodata`](crate::seal_rodata)
/// seals them at run time; a module that declared something is sealed already, so a program does one or the other.
///
/// ```
/// memctl_guest::declare_protection!(no_access: 65536);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! declare_protection {
    (no_access: $no_access:expr $(,)?) => {
        $crate::declare_protection!(no_access: $no_access, read_only: $no_access);
    };
    (no_access: $no_access:expr, read_only: $read_only:expr $(,)?) => {
        const _: () = {
            // Elsewhere there is neither such a section nor anybody to read it.
            #[cfg_attr(target_family = "wasm", unsafe(link_section = "memory-control.protection"))]
            #[used]
            static DECLARED: [u8; 24] = $crate::protection::declaration($no_access, $read_only);
        };
    };
}
