//! What a domain's guests cost.

/// Counts since the domain was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Mappings made, and windows bound anew.
    pub mappings: u64,
    /// Bytes in their windows.
    pub bytes_mapped: u64,
    /// Bytes moved between windows and objects, by either backend.
    pub bytes_copied: u64,
    /// Bytes that were published without being moved, because nobody had stored to them: see [`DirtyTracking`](crate::DirtyTracking).
    pub bytes_clean: u64,
    /// How many of `mappings` were made as aliases: by host pages of the object.
    pub aliased: u64,
    /// How many were put onto the object's own bytes.
    pub in_place: u64,
    /// How many hold a copy.
    pub copied: u64,
}
