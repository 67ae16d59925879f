//! Fills frames in a shared object.
