//! Two files: the words, each with a number, and how often each of them comes.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::path::Path;

use fst::{Map, MapBuilder};
use memmap2::{Mmap, MmapMut};

/// Bytes of a count.
pub(crate) const COUNT: usize = 4;

/// Makes the two files of the words in `text`.
pub(crate) fn build(text: &Path, index: &Path, counts: &Path) -> Result<(), Box<dyn Error>> {
    // SAFETY: nobody changes the text.
    let text = unsafe { Mmap::map(&File::open(text)?) }?;
    let words: BTreeSet<Vec<u8>> = words(&text).collect();
    println!("{} bytes of text, {} different words", text.len(), words.len());

    let mut builder = MapBuilder::new(BufWriter::new(File::create(index)?))?;
    for (number, word) in (0..).zip(&words) {
        builder.insert(word, number)?;
    }
    builder.finish()?;

    // SAFETY: nobody changes the index once it is finished.
    let index = Map::new(unsafe { Mmap::map(&File::open(index)?) }?)?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(counts)?;
    file.set_len((words.len() * COUNT) as u64)?;
    // SAFETY: nobody else has the file.
    let mut counts = unsafe { MmapMut::map_mut(&file) }?;
    let (counts, _) = counts.as_chunks_mut::<COUNT>();
    for word in self::words(&text) {
        let number = index.get(word).ok_or("every word is in the index")?;
        let count = &mut counts[usize::try_from(number)?];
        *count = (u32::from_le_bytes(*count) + 1).to_le_bytes();
    }
    Ok(())
}

/// The words of a text, in small letters.
fn words(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let words = text.split(|byte| !byte.is_ascii_alphabetic());
    words.filter(|word| word.len() > 1).map(<[u8]>::to_ascii_lowercase)
}
