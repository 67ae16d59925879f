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
    let mut words: BTreeSet<Vec<u8>> = BTreeSet::new();
    for_each_word(&text, |word| {
        if !words.contains(word) {
            words.insert(word.to_vec());
        }
        Ok(())
    })?;
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
    for_each_word(&text, |word| {
        let number = index.get(word).ok_or("every word is in the index")?;
        let count = &mut counts[usize::try_from(number)?];
        *count = (u32::from_le_bytes(*count) + 1).to_le_bytes();
        Ok(())
    })
}

/// The words of a text, in small letters.
fn for_each_word(text: &[u8], mut then: impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let mut small = Vec::new();
    for word in text.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| word.len() > 1) {
        small.clear();
        small.extend_from_slice(word);
        small.make_ascii_lowercase();
        then(&small)?;
    }
    Ok(())
}
