//! Bad input and its answer: the code that is promised, nothing changed, and everything else still works. On every backend.

mod files;
mod handles;
mod quotas;
mod ranges;
mod rights;
mod scene;
