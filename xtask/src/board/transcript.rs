//! What a firmware printed, taken apart: its own lines, and what guests print between the first and last line of a scene.

use anyhow::{Result, bail};

/// What lines of the firmware begin with.
const OWN: &str = "board: ";

/// Everything that a firmware printed.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// Its own lines outside scenes.
    pub(super) own: Vec<String>,
    pub(super) scenes: Vec<Played>,
    pub(super) figures: Vec<Figure>,
}

/// A scene, as it was played.
#[derive(Debug, Default)]
pub(super) struct Played {
    pub(super) name: String,
    /// What its guests printed.
    pub(super) guests: String,
    /// What the firmware printed meanwhile.
    pub(super) own: Vec<String>,
}

/// A number that the firmware measured: `board: figure NAME NUMBER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    /// The scene in which it was measured, if in one.
    pub(super) scene: Option<String>,
    pub(super) name: String,
    pub(super) number: u64,
}

impl Transcript {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// A scene begins or ends out of turn, or a figure is no number.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut transcript = Self::default();
        let mut scene: Option<Played> = None;
        for line in text.split_inclusive('\n') {
            // A guest may leave its last line open: what the firmware says next is its own all the same.
            let (guests, own) = match line.find(OWN) {
                Some(at) if at == 0 || scene.is_some() => (&line[..at], Some(line[at..].trim_end())),
                _ => (line, None),
            };
            match (&mut scene, own) {
                (Some(scene), _) => scene.guests.push_str(guests),
                // Boot loaders and emulators say something too.
                (None, None) => continue,
                (None, Some(_)) => {}
            }
            let Some(own) = own else { continue };
            match own.get(OWN.len()..).unwrap_or_default().split(' ').collect::<Vec<_>>()[..] {
                ["scene", name, "begins"] => {
                    if let Some(open) = &scene {
                        bail!("scene {name} begins before {} has ended", open.name);
                    }
                    scene = Some(Played { name: name.to_owned(), ..Played::default() });
                }
                ["scene", name, "ends"] => match scene.take() {
                    Some(played) if played.name == name => transcript.scenes.push(played),
                    _ => bail!("scene {name} ends, and had not begun"),
                },
                ["figure", name, number] => {
                    let Ok(number) = number.parse() else { bail!("not a number: {own}") };
                    let scene = scene.as_ref().map(|scene| scene.name.clone());
                    transcript.figures.push(Figure { scene, name: name.to_owned(), number });
                }
                _ => match &mut scene {
                    Some(scene) => scene.own.push(own.to_owned()),
                    None => transcript.own.push(own.to_owned()),
                },
            }
        }
        // One that didn't end is worth showing as far as it came.
        transcript.scenes.extend(scene);
        Ok(transcript)
    }

    /// The scene called `name`, if it was played.
    pub(super) fn scene(&self, name: &str) -> Option<&Played> {
        self.scenes.iter().find(|scene| scene.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_to_whom_they_belong() {
        let text = "emulator\nboard: an505\r\nboard: scene a begins\none\ntwo, board: mapped 3\nthree\nboard: figure stack 12\n\
                    board: scene a ends\nboard: figure stack 7\nboard: done\n";
        let transcript = Transcript::parse(text).unwrap();
        assert_eq!(transcript.own, ["board: an505", "board: done"]);
        let scene = transcript.scene("a").unwrap();
        assert_eq!((scene.guests.as_str(), &scene.own[..]), ("one\ntwo, three\n", &["board: mapped 3".to_owned()][..]));
        let figures = [(Some("a"), 12), (None, 7)];
        let found: Vec<_> = transcript.figures.iter().map(|f| (f.scene.as_deref(), f.number)).collect();
        assert_eq!(found, figures);
    }

    #[test]
    fn scenes_out_of_turn_are_refused() {
        assert!(Transcript::parse("board: scene a ends\n").is_err());
        assert!(Transcript::parse("board: scene a begins\nboard: scene b begins\n").is_err());
        assert!(Transcript::parse("board: scene a begins\nboard: scene b ends\n").is_err());
        assert!(Transcript::parse("board: figure stack deep\n").is_err());
        assert_eq!(Transcript::parse("board: scene a begins\nhalf").unwrap().scenes[0].guests, "half");
    }
}
