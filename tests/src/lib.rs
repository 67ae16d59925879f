//! Conformance: guest programs on every backend.
