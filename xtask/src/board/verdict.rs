//! What a firmware printed, against what Linux printed and what the scenes promise.

use super::emulator::Ended;
use super::firmware::{Recipe, Variant};
use super::linux::Printed;
use super::pattern;
use super::scenes::{Prints, Scene};
use super::transcript::{Played, Transcript};

/// The line that a firmware prints last.
const DONE: &str = "board: done";

/// How one thing that was promised went.
pub(super) struct Finding {
    /// The scene, or `firmware`.
    pub(super) subject: String,
    /// What was promised.
    pub(super) claim: String,
    /// What is wrong, if anything.
    pub(super) wrong: Option<String>,
}

/// What became of a firmware.
#[derive(Default)]
pub(super) struct Verdict {
    /// The firmware and the scenes, in their order.
    pub(super) findings: Vec<Finding>,
    /// What was measured.
    pub(super) transcript: Transcript,
}

impl Verdict {
    /// Compares. `firmware` is what is promised outside scenes.
    pub(super) fn of(ended: &Ended, recipe: &Recipe<'_>, firmware: &Prints, printed: &Printed) -> Self {
        let variant = recipe.variant;
        let mut verdict = Self::default();
        match Transcript::parse(&ended.text) {
            Ok(transcript) => verdict.transcript = transcript,
            Err(error) => verdict.find("firmware", "it prints scene after scene", Err(format!("{error:#}"))),
        }
        let own = |played: &[String], lines: &Prints| lines_as_promised(played, lines, recipe);
        // Without partitions there is a guest's output, and nothing to say about it.
        let plain = matches!(variant, Variant::Bare | Variant::Added);
        for scene in recipe.scenes {
            let result = match verdict.transcript.scene(&scene.name) {
                None => Err("it was not played".to_owned()),
                Some(played) if plain => guests_as_on_linux(played, scene, printed),
                Some(played) => {
                    guests_as_on_linux(played, scene, printed).and_then(|()| own(&played.own, &scene.lines))
                }
            };
            verdict.find(&scene.name, &scene.about, result);
        }
        if !plain {
            let result = own(&verdict.transcript.own, firmware);
            verdict.find("firmware", "it says what it must outside scenes", result);
        }
        let last = verdict.transcript.own.last().map_or("nothing", String::as_str);
        let end = match &ended.failure {
            Some(failure) => Err(format!("{failure}; its last words: {}", last_lines(&ended.text))),
            None if last != DONE => Err(format!("its last line is not `{DONE}` but `{last}`")),
            None => Ok(()),
        };
        verdict.find("end", "it ends, and says that all is well", end);
        verdict
    }

    fn find(&mut self, subject: &str, claim: &str, result: Result<(), String>) {
        self.findings.push(Finding { subject: subject.to_owned(), claim: claim.to_owned(), wrong: result.err() });
    }

    /// What is wrong, with its subject.
    pub(super) fn wrong(&self) -> impl Iterator<Item = (&str, &str)> {
        self.findings.iter().filter_map(|Finding { subject, wrong, .. }| Some((subject.as_str(), wrong.as_deref()?)))
    }
}

fn lines_as_promised(played: &[String], lines: &Prints, recipe: &Recipe<'_>) -> Result<(), String> {
    let Prints { prints, prints_on, prints_bound, prints_off } = lines;
    let promised = match (recipe.variant == Variant::Open, recipe.machine.regions_bind_the_host()) {
        (true, _) => vec![prints, prints_off],
        (false, true) => vec![prints, prints_on, prints_bound],
        (false, false) => vec![prints, prints_on],
    };
    for patterns in promised {
        pattern::in_order(patterns, played).map_err(|error| format!("{error:#}"))?;
    }
    Ok(())
}

fn guests_as_on_linux(played: &Played, scene: &Scene, printed: &Printed) -> Result<(), String> {
    let lines: Vec<_> = played.guests.lines().map(str::to_owned).collect();
    pattern::in_order(&scene.says, &lines).map_err(|error| format!("{error:#}"))?;
    let Some(linux) = printed.get(&scene.name) else { return Ok(()) };
    difference(linux, &played.guests).map_or(Ok(()), Err)
}

/// The first line in which two texts differ.
fn difference(linux: &str, board: &str) -> Option<String> {
    if linux == board {
        return None;
    }
    let mut pairs = Pairs { linux: linux.split_inclusive('\n'), board: board.split_inclusive('\n') }.zip(1..);
    let shown = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("{line:?}"));
    pairs.find_map(|((linux, board), number)| {
        (linux != board).then(|| {
            format!("first difference: line {number}\n    linux | {}\n    board | {}", shown(linux), shown(board))
        })
    })
}

/// Lines of both, until both have none.
struct Pairs<L, B> {
    linux: L,
    board: B,
}

impl<'a, L: Iterator<Item = &'a str>, B: Iterator<Item = &'a str>> Iterator for Pairs<L, B> {
    type Item = (Option<&'a str>, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        let pair = (self.linux.next(), self.board.next());
        (pair != (None, None)).then_some(pair)
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].iter().map(|line| format!("\n    {line}")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::board::machine::Machine;
    use crate::board::scenes::Scenes;

    #[test]
    fn the_first_difference_is_shown_by_its_line() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let shown = difference("a\nb\nc\n", "a\nx\ny\n").unwrap();
        assert_eq!(shown, "first difference: line 2\n    linux | \"b\\n\"\n    board | \"x\\n\"");
        assert!(difference("a\n", "").unwrap().ends_with("board | nothing"));
        assert!(difference("", "a").unwrap().contains("linux | nothing"));
    }

    const SCENES: &str = r#"
        [firmware]
        prints = ["board: machine {}"]
        prints-off = ["board: no regions"]
        [[guest]]
        name = "g"
        [[scene]]
        name = "s"
        about = ""
        guests = ["g"]
        prints-on = ["board: fault at {at}", "board: restarted after {at}"]
        [[scene]]
        name = "only-on"
        about = ""
        guests = ["g"]
        linux = "none"
        regions = "on""#;

    fn wrong(text: &str, variant: Variant<'_>, failure: Option<&str>) -> Vec<String> {
        let ended = Ended { text: text.to_owned(), failure: failure.map(str::to_owned) };
        let printed = Printed::from([("s".to_owned(), "hello\n".to_owned())]);
        let scenes = Scenes::parse(SCENES).unwrap();
        let chosen: Vec<_> = scenes.shown(variant).collect();
        let recipe = Recipe { machine: Machine::An505, variant, scenes: &chosen, images: Path::new("") };
        let verdict = Verdict::of(&ended, &recipe, &scenes.firmware, &printed);
        verdict.wrong().map(|(subject, _)| subject.to_owned()).collect()
    }

    const WHOLE: &str = "board: machine x\nboard: scene s begins\nhello\nboard: fault at 3\nboard: restarted after 3\nboard: scene s ends\n\
                         board: scene only-on begins\nboard: scene only-on ends\nboard: done\n";

    #[test]
    fn a_firmware_that_keeps_all_promises_passes() {
        assert_eq!(wrong(WHOLE, Variant::Whole, None), [""; 0]);
        let open =
            "board: machine x\nboard: no regions\nboard: scene s begins\nhello\nboard: scene s ends\nboard: done\n";
        assert_eq!(wrong(open, Variant::Open, None), [""; 0]);
        assert_eq!(wrong("bare\nboard: done\n", Variant::Bare, None), [""; 0]);
    }

    #[test]
    fn each_broken_promise_is_found() {
        for (right, broken, subject) in [
            ("hello", "hallo", "s"),
            ("after 3", "after 4", "s"),
            ("machine x", "", "firmware"),
            ("only-on", "other", "only-on"),
            ("done", "panicked", "end"),
        ] {
            assert_eq!(wrong(&WHOLE.replace(right, broken), Variant::Whole, None), [subject], "{right}");
        }
        assert_eq!(wrong(WHOLE, Variant::Whole, Some("exit status: 1")), ["end"]);
        assert_eq!(wrong("", Variant::Bare, None), ["end"]);
    }
}
