//! Sealing the null page and the constants, at the addresses that the linker gave them.

use core::fmt;

use crate::protection::{self, Bounds};
use crate::sys::{self, Image};
use crate::{Error, domain};

/// Why the constants could not be sealed. Nothing was protected then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The stack lies below the constants, where only what can't be stored to may lie.
    StackFirst {
        /// Where the stack ends, which grows downwards.
        stack_low: usize,
        /// Where the constants end.
        constants_end: usize,
    },
    /// The constants begin in the first granule, so that address 0 would not be protected.
    NoNullPage {
        /// Where the constants begin.
        base: usize,
        /// The granule in bytes.
        granule: usize,
    },
    /// The linker didn't put the constants where they were expected.
    Order {
        /// Where data begins.
        base: usize,
        /// An address in the constants.
        in_constants: usize,
        /// Where the constants were to end.
        constants_end: usize,
    },
    /// The host refused it.
    Refused(Error),
}

/// What to tell a linker.
const FLAGS: &str = if cfg!(all(target_os = "wasi", not(target_env = "p1"))) {
    "link with -Clink-arg=--append-lld-flag=--no-stack-first -Clink-arg=--global-base=65536"
} else {
    "link with -Clink-arg=--no-stack-first -Clink-arg=--global-base=65536"
};

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StackFirst { stack_low, constants_end } => write!(
                f,
                "the stack, from {stack_low:#x} on, lies below the end of the constants, {constants_end:#x}: {FLAGS}"
            ),
            Self::NoNullPage { base, granule } => write!(
                f,
                "data begins at {base:#x}, before the end of the first granule of {granule} bytes, so that address 0 can't be protected: {FLAGS}"
            ),
            Self::Order { base, in_constants, constants_end } => write!(
                f,
                "constants at {in_constants:#x} are not between the beginning of data, {base:#x}, and the mark at their end, {constants_end:#x}: link with wasm-ld, and its flag --merge-data-segments"
            ),
            Self::Refused(Error::Access) => {
                f.write_str("the memory is sealed already: by an earlier call, or by what the program declares")
            }
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SealError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::StackFirst { .. } | Self::NoNullPage { .. } | Self::Order { .. } => None,
        }
    }
}

impl From<Error> for SealError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

#[cfg(feature = "std")]
impl From<SealError> for std::io::Error {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Refused(error) => error.into(),
            layout => Self::new(std::io::ErrorKind::Unsupported, layout),
        }
    }
}

/// Seals the null page, so that whoever touches it traps, and the constants of the program, so that whoever stores to them does: string literals, `static`s without
/// interior mutability, tables, the same of C code that is linked in. For good: call it at the start of `main`.
///
/// The result is what was sealed, rounded down to the granule. The linker must put the constants first; see [`protection`] for how to tell it.
///
/// ```no_run
/// fn main() -> std::io::Result<()> {
///     memctl_guest::seal_rodata()?;
///     // …
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`SealError::StackFirst`], [`SealError::NoNullPage`] and [`SealError::Order`] if the linker was told otherwise; [`SealError::Refused`] with
/// [`Error::Access`] if the memory is sealed already, and the others of [`protection::seal`].
pub fn seal_rodata() -> Result<Bounds, SealError> {
    let image = sys::image().ok_or(Error::Unsupported)?;
    let bounds = bounds(image, domain::granule())?;
    Ok(protection::seal(bounds)?)
}

/// What can be sealed of an image.
fn bounds(image: Image, granule: usize) -> Result<Bounds, SealError> {
    let Image { base, in_constants, constants_end, stack_low } = image;
    if stack_low < constants_end {
        return Err(SealError::StackFirst { stack_low, constants_end });
    }
    if !(base..constants_end).contains(&in_constants) {
        return Err(SealError::Order { base, in_constants, constants_end });
    }
    if base < granule {
        return Err(SealError::NoNullPage { base, granule });
    }
    Ok(Bounds { no_access: base as u64, read_only: constants_end as u64 })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const IMAGE: Image = Image { base: 0x10000, in_constants: 0x11970, constants_end: 0x14000, stack_low: 0x148c0 };

    #[test]
    fn a_program_whose_constants_come_first_is_sealed_up_to_their_end() {
        assert_eq!(bounds(IMAGE, 4096), Ok(Bounds { no_access: 0x10000, read_only: 0x14000 }));
    }

    #[test]
    fn another_layout_is_refused_by_naming_the_flags() {
        let stack_first = Image { base: 0x10_0000, in_constants: 0x10_1000, constants_end: 0x10_2000, stack_low: 0 };
        let message = bounds(stack_first, 4096).expect_err("the stack is in the way").to_string();
        assert!(message.contains("--no-stack-first") && message.contains("--global-base=65536"), "{message}");

        let error = bounds(Image { base: 1024, ..IMAGE }, 4096).expect_err("no granule for null");
        assert_eq!(error, SealError::NoNullPage { base: 1024, granule: 4096 });
        assert!(error.to_string().contains("--global-base"), "{error}");

        assert!(SealError::Refused(Error::Access).to_string().contains("sealed already"));

        let error = bounds(Image { in_constants: 0x14010, ..IMAGE }, 4096).expect_err("behind the mark");
        assert!(matches!(error, SealError::Order { .. }));
    }
}
