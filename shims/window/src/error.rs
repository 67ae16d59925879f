//! Why windows can't be put into a module.

/// Why windows can't be put into a module. Nothing was written then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not valid WebAssembly, or uses a proposal that is not known here.
    #[error("byte {offset:#x}: {message}")]
    Invalid {
        /// Where in the file.
        offset: usize,
        /// What is wrong there.
        message: String,
    },
    /// A component, whose modules are sealed.
    #[error(
        "a component: windows are put into the core module before it becomes one (for wasm32-wasip2 the linker leaves it a core module with -Clink-arg=--skip-wit-component)"
    )]
    Component,
    /// An object file.
    #[error("an object file that is still to be linked (section {section:?}): link windows into what wasm-ld writes")]
    Object {
        /// The section that says so.
        section: String,
    },
    /// There are windows in it.
    #[error("it has windows already: start from the module as the compiler left it")]
    AlreadyLinked,
    /// The checks of its accesses would not know of windows.
    #[error("it was instrumented: link windows first, then instrument what comes out")]
    Instrumented,
    /// There is no memory to copy from and to.
    #[error("the module has no memory: windows are for a module that defines memory 0")]
    NoMemory,
    /// Another module defines memory 0, and windows have to be made with it.
    #[error(
        "memory 0 is imported ({module:?} {field:?}), and windows stand beside the memory that they copy from and to: link the module that defines it, or let it define its memory (wasm-ld without --import-memory)"
    )]
    ImportedMemory {
        /// Module name of the import.
        module: String,
        /// Field name of the import.
        field: String,
    },
    /// No windows were asked for.
    #[error("no windows were asked for: say how many")]
    NoWindows,
    /// More windows than a module can have.
    #[error(
        "{count} windows are too many: a module can have {}; a window can be bound anew to show something else",
        crate::MOST_WINDOWS
    )]
    TooManyWindows {
        /// How many were asked for.
        count: u32,
    },
    /// With the windows there would be more memories than engines allow.
    #[error("{count} memories, with the windows, are more than engines allow ({})", crate::layout::MOST_MEMORIES)]
    TooManyMemories {
        /// How many there would be.
        count: usize,
    },
    /// No memory can have that size.
    #[error("a window of {size} bytes with {}-bit addresses: it can have from 1 to {most}{}", if *memory64 { 64 } else { 32 }, larger(*memory64))]
    WindowSize {
        /// What was asked for, in bytes.
        size: u64,
        /// Whether its addresses have 64 bits.
        memory64: bool,
        /// The most it can have, in bytes.
        most: u64,
    },
    /// There is no such function.
    #[error("import {module:?} {field:?}: there is no such function{}", suggestion(similar.as_deref()))]
    UnknownFunction {
        /// Module name of the import.
        module: String,
        /// Field name of the import.
        field: String,
        /// One with a similar name.
        similar: Option<String>,
    },
    /// The function is of another type.
    #[error("import {module:?} {field:?} is declared as {found}, and is {expected}")]
    FunctionType {
        /// Module name of the import.
        module: String,
        /// Field name of the import.
        field: String,
        /// What it is.
        expected: String,
        /// What the module thinks.
        found: String,
    },
    /// Something in the module that can't be written anew.
    #[error("{what} can't be written anew here")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// What came out is not valid: a mistake in this crate.
    #[error("internal error: the linked module is not valid: {message}; please report this with the module")]
    Internal {
        /// What the validator says.
        message: String,
    },
}

fn larger(memory64: bool) -> &'static str {
    if memory64 { "" } else { "; a larger one needs 64-bit addresses (--count64, --size64)" }
}

fn suggestion(similar: Option<&str>) -> String {
    similar.map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { offset: error.offset(), message: error.message().to_owned() }
    }
}

impl From<wasm_encoder::reencode::Error<Error>> for Error {
    fn from(error: wasm_encoder::reencode::Error<Error>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(error) => error,
            wasm_encoder::reencode::Error::ParseError(error) => error.into(),
            other => Self::Unsupported { what: other.to_string() },
        }
    }
}
