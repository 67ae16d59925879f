//! Exports: parameters are stored where `realloc` says, results are loaded.
