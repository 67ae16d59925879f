//! Where the linker put what this guest consists of.

/// Addresses of the parts of this guest's memory. `None` of them is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Where the linker began to lay out data: below lies nothing, or the stack.
    pub(crate) base: usize,
    /// An address in the constants, near their end.
    pub(crate) in_constants: usize,
    /// Where the constants end.
    pub(crate) constants_end: usize,
    /// The lowest address of the stack, which grows downwards.
    pub(crate) stack_low: usize,
}

mod symbol {
    unsafe extern "C" {
        // wasm-ld's own: lld/wasm/Driver.cpp, `createOptionalSymbols`.
        pub(super) static __global_base: u8;
        pub(super) static __stack_low: u8;
        // See build.rs.
        pub(super) static memctl_rodata_begin: u8;
        pub(super) static memctl_rodata_end: u8;
    }
}

/// Where this guest's parts are.
pub(crate) fn image() -> Option<Image> {
    Some(Image {
        base: (&raw const symbol::__global_base).addr(),
        in_constants: (&raw const symbol::memctl_rodata_begin).addr(),
        constants_end: (&raw const symbol::memctl_rodata_end).addr(),
        stack_low: (&raw const symbol::__stack_low).addr(),
    })
}
