//! Sizes in bytes, as people type and read them.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A number of bytes, typed as `4096`, `64KiB`, `16m` or `1GiB`. Units are powers of 1024.
///
/// ```
/// use memctl_cli::size::Size;
/// assert_eq!("64KiB".parse(), Ok(Size(65536)));
/// assert_eq!(Size(1 << 30).to_string(), "1.0 GiB");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub u64);

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// It doesn't start with a digit.
    NoNumber(String),
    /// What follows the number is not a unit.
    UnknownUnit(String),
    /// It is more than 2⁶⁴−1 bytes.
    TooLarge(String),
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber(text) => write!(f, "'{text}' is not a size; examples are 4096, 64KiB, 16MiB, 1GiB"),
            Self::UnknownUnit(unit) => {
                write!(f, "'{unit}' is not a unit; use KiB, MiB, GiB or TiB (or k, m, g, t), all powers of 1024")
            }
            Self::TooLarge(text) => write!(f, "'{text}' is more than 2^64-1 bytes"),
        }
    }
}

impl std::error::Error for SizeError {}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        if number.is_empty() {
            return Err(SizeError::NoNumber(text.to_owned()));
        }
        let shift = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kib" => 10,
            "m" | "mib" => 20,
            "g" | "gib" => 30,
            "t" | "tib" => 40,
            _ => return Err(SizeError::UnknownUnit(unit.to_owned())),
        };
        let too_large = || SizeError::TooLarge(text.to_owned());
        let number: u64 = number.parse().map_err(|_| too_large())?;
        number.checked_mul(1 << shift).map(Self).ok_or_else(too_large)
    }
}

impl TryFrom<String> for Size {
    type Error = SizeError;

    fn try_from(text: String) -> Result<Self, SizeError> {
        text.parse()
    }
}

/// Shows the size with one decimal and the largest unit that keeps it at 1 or more.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let Some(power) = (1..=units.len()).rev().find(|power| self.0 >> (10 * power) > 0) else {
            return write!(f, "{} B", self.0);
        };
        // Tenths are computed in integers, so that nothing is rounded up past the unit.
        let tenths = (u128::from(self.0) * 10) >> (10 * power);
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, units[power - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_understood() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4096b", 4096),
            ("64KiB", 64 << 10),
            ("64k", 64 << 10),
            ("16MiB", 16 << 20),
            ("16M", 16 << 20),
            ("1GiB", 1 << 30),
            ("1g", 1 << 30),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn other_texts_say_what_is_wrong() {
        assert_eq!("".parse::<Size>(), Err(SizeError::NoNumber("".into())));
        assert_eq!("-1".parse::<Size>(), Err(SizeError::NoNumber("-1".into())));
        assert_eq!("1KB".parse::<Size>(), Err(SizeError::UnknownUnit("KB".into())));
        assert_eq!("1.5k".parse::<Size>(), Err(SizeError::UnknownUnit(".5k".into())));
        assert_eq!("16777216TiB".parse::<Size>(), Err(SizeError::TooLarge("16777216TiB".into())));
        assert_eq!("99999999999999999999".parse::<Size>(), Err(SizeError::TooLarge("99999999999999999999".into())));
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (40 << 20, "40.0 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }
}
