//! Why a component can't be instrumented.

/// What is wrong, and where in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset:#x} of the component: {what}")]
pub struct Problem {
    /// Byte in the file.
    pub offset: usize,
    /// What is wrong there, and what to do.
    pub what: String,
}

impl Problem {
    pub(super) fn at(offset: usize, what: impl Into<String>) -> Self {
        Self { offset, what: what.into() }
    }
}

impl From<wasmparser::Error> for Problem {
    fn from(error: wasmparser::Error) -> Self {
        Self::at(error.offset(), error.message())
    }
}
