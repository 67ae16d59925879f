//! Bad input and its answer: the code that is promised, nothing changed, and everything else still works. On every backend.
#![expect(clippy::cast_possible_truncation, reason = "lengths in tests are small")]

mod components;
mod files;
mod handles;
mod quotas;
mod ranges;
mod rights;
mod scene;
