//! Lines on the console. The firmware's own start with `board: `.

use core::fmt::{self, Write};

use crate::sys::machine::console;

/// Bytes gathered before they are handed to the machine: semihosting stops the whole machine at each write.
const LINE: usize = 128;

/// A line in the making.
struct Line {
    bytes: [u8; LINE],
    // Invariant: at most LINE.
    len: usize,
}

impl Line {
    fn flush(&mut self) {
        console::write(&self.bytes[..self.len]);
        self.len = 0;
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == LINE {
                self.flush();
            }
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// Prints one of the firmware's own lines.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; LINE], len: 0 };
    // A line takes all that it is given.
    let _never_fails = writeln!(line, "board: {text}");
    line.flush();
}

/// Prints what a guest says, as it is.
pub(crate) fn pass_on(bytes: &[u8]) {
    console::write(bytes);
}

/// Prints one of the firmware's own lines, given as for `format!`.
macro_rules! say {
    ($($text:tt)*) => { $crate::console::print(format_args!($($text)*)) };
}
pub(crate) use say;
