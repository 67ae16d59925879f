//! Questions to the two files.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use fst::automaton::{Levenshtein, Str, Subsequence};
use fst::{Automaton, IntoStreamer, Map, Streamer};
use memmap2::{Advice, Mmap};
use regex_automata::dense;

use crate::index::COUNT;

type Index = Map<Mmap>;

/// Prints the answers.
pub(crate) fn ask(index: &Path, counts: &Path) -> Result<(), Box<dyn Error>> {
    // SAFETY: nobody changes the index.
    let index = unsafe { Mmap::map(&File::open(index)?) }?;
    advise(&index)?;
    let index = Index::new(index)?;
    index.as_fst().verify()?;
    // SAFETY: nobody changes the counts.
    let counts = unsafe { Mmap::map(&File::open(counts)?) }?;
    let (counts, _) = counts.as_chunks::<COUNT>();
    let count = |number: u64| counts.get(number as usize).map_or(0, |count| u32::from_le_bytes(*count));

    // Not how long it is: fst finds other common ends where `usize` is another.
    println!("the index has {} words", index.len());
    for word in ["memory", "mapping", "the", "xylophone"] {
        match index.get(word) {
            Some(number) => println!("{word} is number {number} and comes {} times", count(number)),
            None => println!("{word} is not there"),
        }
    }
    show("from map to maq", index.range().ge("map").lt("maq"))?;
    show("at most one letter from memory", index.search(Levenshtein::new("memory", 1)?))?;
    show("at most two letters from granule", index.search(Levenshtein::new("granule", 2)?))?;
    show("beginning with unalign", index.search(Str::new("unalign").starts_with()))?;
    show("with the letters w, z and x in this order", index.search(Subsequence::new("wzx")))?;
    show("not beginning with a letter below z", index.search(Str::new("z").starts_with()).ge("zo"))?;
    let regex = dense::Builder::new().anchored(true).build("(un|re)map(s|ped|ping)?")?;
    show("matching (un|re)map(s|ped|ping)?", index.search(regex))?;

    let mut often = Vec::new();
    let mut stream = index.stream();
    while let Some((word, number)) = stream.next() {
        often.push((count(number), String::from_utf8_lossy(word).into_owned()));
    }
    often.sort_by(|a, b| b.cmp(a));
    println!("{} words in all; most often:", often.iter().map(|(count, _)| u64::from(*count)).sum::<u64>());
    for (count, word) in often.iter().take(10) {
        println!("{count:9} {word}");
    }
    Ok(())
}

/// Prints how many words there are, the first few, and the sum of their numbers.
fn show<'a, A, W>(what: &str, words: W) -> Result<(), Box<dyn Error>>
where
    A: Automaton + 'a,
    W: IntoStreamer<'a, Item = (&'a [u8], u64), Into = fst::map::Stream<'a, A>>,
{
    const SHOWN: usize = 6;
    let (mut shown, mut all, mut sum) = (Vec::new(), 0_u64, 0_u64);
    let mut words = words.into_stream();
    while let Some((word, number)) = words.next() {
        if shown.len() < SHOWN {
            shown.push(str::from_utf8(word)?.to_owned());
        }
        all += 1;
        sum = sum.wrapping_add(number);
    }
    println!("{all} words {what}, numbers {sum} in sum: {}", shown.join(" "));
    Ok(())
}

/// Asks for the pages in no order. Where memmap2 has no advice there is none.
#[cfg(any(unix, target_os = "wasi"))]
fn advise(index: &Mmap) -> std::io::Result<()> {
    index.advise(Advice::Random)
}
