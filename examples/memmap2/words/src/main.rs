//! Indexes the words of a text, and asks the index: what is in it, what is alike, what comes most often.
//!
//! Text, index and counts are files, and all three are used through maps.

mod index;
mod questions;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [text, folder] = &arguments[..] else {
        return Err("usage: words TEXT FOLDER; the index goes to FOLDER".into());
    };
    let folder = Path::new(folder);
    let index = folder.join("words.fst");
    let counts = folder.join("counts");
    index::build(Path::new(text), &index, &counts)?;
    questions::ask(&index, &counts)
}
