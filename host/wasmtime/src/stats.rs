//! What a domain's guests cost.

/// Counts since the domain was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Mappings made.
    pub mappings: u64,
    /// Bytes in their windows.
    pub bytes_mapped: u64,
    /// Bytes moved between windows and objects, by either backend.
    pub bytes_copied: u64,
}
