//! Reads frames from a shared object.
