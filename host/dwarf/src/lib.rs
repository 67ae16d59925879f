//! Debug information of a module whose functions were rewritten: DWARF says where code is, and the code has moved.
//!
//! A rewriter notes for each function where its instructions were and are ([`MovedBody`]). From all of them [`Moved`] knows where an
//! address is now, and [`rewritten`] makes new sections from the old ones.
//!
//! ```
//! let moved = memctl_dwarf::Moved::of(0, 0, &[]);
//! assert_eq!(memctl_dwarf::rewritten(&[], &moved), Ok(vec![]));
//! assert!(memctl_dwarf::is_dwarf(".debug_line"));
//! ```
#![forbid(unsafe_code)]

mod debug;
mod moved;

pub use debug::{is_dwarf, is_index, rewritten};
pub use moved::{Moved, MovedBody};

/// What became of a module's debug information.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DebugInfo {
    /// There was none.
    #[default]
    None,
    /// It describes the code as it is now.
    Rewritten {
        /// Sections that only repeat for quick access what others say, and are not there any more.
        left_out: Vec<String>,
    },
    /// It is not there any more, for this reason.
    LeftOut(String),
}

/// The sections for code that has moved, and a word on them.
#[must_use]
pub fn moved_with(sections: &[(&str, &[u8])], moved: &Moved) -> (Vec<(&'static str, Vec<u8>)>, DebugInfo) {
    if sections.is_empty() {
        return (Vec::new(), DebugInfo::None);
    }
    match rewritten(sections, moved) {
        Ok(new) => {
            let left_out = sections.iter().map(|(name, _)| *name).filter(|name| is_index(name));
            (new, DebugInfo::Rewritten { left_out: left_out.map(str::to_owned).collect() })
        }
        Err(why) => (Vec::new(), DebugInfo::LeftOut(why)),
    }
}
