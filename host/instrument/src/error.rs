//! Why a program can't be instrumented.

use memctl_core::{Bounds, Malformed};

/// Why a program can't be instrumented.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not valid WebAssembly, or uses a proposal that is not known here.
    #[error("byte {offset:#x}{}: {message}", within(*.function))]
    Invalid {
        /// Where in the file.
        offset: usize,
        /// In which function, if it was in one.
        function: Option<u32>,
        /// What is wrong there.
        message: String,
    },
    /// It has been instrumented before.
    #[error(
        "already instrumented, by version {version} for a granule of {granule} bytes: start from the program as it was before"
    )]
    AlreadyInstrumented {
        /// Version of this crate that did it.
        version: String,
        /// Granule that its bounds are rounded to, in bytes.
        granule: u64,
    },
    /// The section that declares protection can't be understood.
    #[error(transparent)]
    Declaration(#[from] Malformed),
    /// Protection is declared for a memory that the module doesn't have.
    #[error("section \"memory-control.protection\": there is no memory {memory} in the module, which has {memories}")]
    UnknownMemory {
        /// The memory that is named.
        memory: u32,
        /// How many memories the module has.
        memories: u32,
    },
    /// Protection is declared for a memory that another module defines.
    #[error(
        "section \"memory-control.protection\": memory {memory} is imported; declare its protection in the module that defines it"
    )]
    DeclaredForImport {
        /// The memory that is named.
        memory: u32,
    },
    /// The bounds end past the memory's initial size, or in the wrong order.
    #[error(
        "memory {memory}: the no-access part ends at {:#x} and the read-only part at {:#x}, which is not in order within its initial size, {size:#x} bytes",
        bounds.no_access, bounds.read_only
    )]
    Bounds {
        /// The memory.
        memory: u32,
        /// What was asked for.
        bounds: Bounds,
        /// The memory's initial size in bytes.
        size: u64,
    },
    /// Memory 0 is to be protected, and there is none.
    #[error("bounds were given for memory 0, and the module defines no memory")]
    NoMemory,
    /// A component whose parts can't be brought together.
    #[error(transparent)]
    Wiring(#[from] crate::Problem),
    /// Where the constants lie can't be found out.
    #[error(transparent)]
    Rodata(#[from] crate::Unknown),
    /// A core module of a component can't be instrumented.
    #[error("core module {module}, from byte {offset:#x} on: {error}")]
    InModule {
        /// Its number among all core modules of the file.
        module: usize,
        /// Where it begins in the file.
        offset: usize,
        /// What is wrong with it. Offsets in it count from there.
        error: Box<Error>,
    },
    /// A memory is imported, and nothing is known about who defines it.
    #[error(
        "memory {memory} is imported ({module:?} {field:?}), and the module that defines it is not here: instrument the component that joins the two"
    )]
    ImportedMemory {
        /// The memory.
        memory: u32,
        /// Module name of the import.
        module: String,
        /// Field name of the import.
        field: String,
    },
    /// An instruction, or another part of the module, that can't be rewritten.
    #[error("byte {offset:#x}{}: {what} can't be instrumented", within(*.function))]
    Unsupported {
        /// Where in the file.
        offset: usize,
        /// In which function, if it was in one.
        function: Option<u32>,
        /// What it is.
        what: String,
    },
    /// What came out is not valid: a mistake in this crate.
    #[error("internal error: the instrumented module is not valid: {message}; please report this with the module")]
    Internal {
        /// What the validator says.
        message: String,
    },
}

fn within(function: Option<u32>) -> String {
    function.map_or_else(String::new, |function| format!(", in function {function}"))
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { offset: error.offset(), function: None, message: error.message().to_owned() }
    }
}

impl From<wasm_encoder::reencode::Error<Error>> for Error {
    fn from(error: wasm_encoder::reencode::Error<Error>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(error) => error,
            wasm_encoder::reencode::Error::ParseError(error) => error.into(),
            other => Self::Unsupported { offset: 0, function: None, what: other.to_string() },
        }
    }
}
