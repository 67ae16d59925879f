//! Lines as GNU wc prints them.

use std::io;

use crate::count::Counts;

/// Width of the columns: as many digits as the files have bytes together (`compute_number_width` in GNU wc.c).
pub(crate) fn width(lens: impl Iterator<Item = u64>) -> usize {
    let total: u64 = lens.fold(0, u64::saturating_add);
    total.checked_ilog10().map_or(1, |exponent| exponent as usize + 1)
}

/// One line: lines, words, bytes, name.
pub(crate) fn line(counts: &Counts, width: usize, name: &str) -> String {
    let Counts { lines, words, bytes } = counts;
    format!("{lines:width$} {words:width$} {bytes:width$} {name}")
}

/// What went wrong, without the number that std adds.
pub(crate) fn reason(error: &io::Error) -> String {
    let reason = error.to_string();
    match reason.find(" (os error") {
        Some(end) => reason[..end].to_owned(),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_all_bytes_together() {
        assert_eq!(width([].into_iter()), 1);
        assert_eq!(width([0].into_iter()), 1);
        assert_eq!(width([9].into_iter()), 1);
        assert_eq!(width([5, 5].into_iter()), 2);
        assert_eq!(width([999, 1].into_iter()), 4);
    }

    #[test]
    fn a_line_looks_like_one_of_wc() {
        let counts = Counts { lines: 1, words: 20, bytes: 300 };
        assert_eq!(line(&counts, 4, "name"), "   1   20  300 name");
    }
}
