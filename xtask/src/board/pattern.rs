//! Lines with gaps: `board: {} of {n} as {n}`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

/// What stands between braces for any text, spaces too.
const REST: &str = "..";

/// Finds the patterns among the lines, in their order. `{}` is any text without spaces; `{name}` too, and the same wherever it comes again; `{..}` is any
/// text at all.
///
/// # Errors
/// One is missing.
pub(super) fn in_order(patterns: &[String], lines: &[String]) -> Result<()> {
    let mut known = BTreeMap::new();
    let mut rest = lines.iter();
    for pattern in patterns {
        let found = rest.any(|line| {
            let mut tried = known.clone();
            let fits = fits(pattern, line, &mut tried);
            if fits {
                known = tried;
            }
            fits
        });
        if !found {
            let known: String = known.iter().map(|(name, text)| format!(", {{{name}}} being {text}")).collect();
            bail!("no line `{pattern}`{known}; there were:{}", listed(lines));
        }
    }
    Ok(())
}

/// Whether the whole line fits; what gaps hold is added to `known`.
fn fits<'a>(pattern: &'a str, line: &'a str, known: &mut BTreeMap<&'a str, &'a str>) -> bool {
    let Some((before, gap)) = pattern.split_once('{') else { return pattern == line };
    let Some(line) = line.strip_prefix(before) else { return false };
    // A brace that opens nothing is a brace.
    let Some((name, after)) = gap.split_once('}') else { return pattern == line };
    // The gap ends where what follows it in the pattern begins, at the first place that lets the rest fit.
    let (least, end) = if name == REST { (0, line.len()) } else { (1, line.find(' ').unwrap_or(line.len())) };
    (least..=end).filter(|at| line.is_char_boundary(*at)).any(|at| {
        let (text, rest) = line.split_at(at);
        let mut tried = known.clone();
        if !name.is_empty() && name != REST && *tried.entry(name).or_insert(text) != text {
            return false;
        }
        let fits = fits(after, rest, &mut tried);
        if fits {
            *known = tried;
        }
        fits
    })
}

fn listed(lines: &[String]) -> String {
    if lines.is_empty() {
        return " none".to_owned();
    }
    lines.iter().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[&str], lines: &[&str]) -> bool {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        in_order(&owned(patterns), &owned(lines)).is_ok()
    }

    #[test]
    fn gaps_hold_a_word_and_names_hold_the_same() {
        assert!(found(&["probe: {n} probes, {n} as planned"], &["x", "probe: 12 probes, 12 as planned"]));
        assert!(!found(&["probe: {n} probes, {n} as planned"], &["probe: 12 probes, 11 as planned"]));
        assert!(found(&["at {}: {what}", "again {what}"], &["at 0x10: store", "between", "again store"]));
        assert!(!found(&["at {}: {what}", "again {what}"], &["at 0x10: store", "again load"]));
        assert!(!found(&["at {}"], &["at 1 2"]));
        assert!(!found(&["at {}"], &["at "]));
        assert!(found(&["at {}: {..}"], &["at 1: 2 3"]));
        assert!(found(&["at {}:{..}"], &["at 1:"]));
        assert!(!found(&["at {}: {..}"], &["at: 2 3"]));
        assert!(found(&["at {..}; {n} and {..} and {n}"], &["at 1 2; 3 and 4 5 and 3"]));
        assert!(!found(&["at {..}; {n} and {..} and {n}"], &["at 1 2; 3 and 4 5 and 4"]));
    }

    #[test]
    fn order_counts_and_lines_between_do_not() {
        assert!(found(&["a", "b"], &["a", "x", "b"]));
        assert!(!found(&["b", "a"], &["a", "x", "b"]));
        assert!(!found(&["a", "a"], &["a"]));
        assert!(found(&[], &[]));
    }
}
