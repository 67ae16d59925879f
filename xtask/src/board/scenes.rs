//! `examples/board/scenes.toml`, as far as it is about Linux and about what must be printed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::firmware::Variant;

/// The scenes that a bare firmware plays: their guests are named in `examples/board/firmware/src/bare`.
const WITHOUT_CONTROL: &str = "hello";
const WITH_CONTROL: &str = "objects";

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenes {
    /// How guests are made.
    #[serde(default, rename = "guest")]
    pub(super) guests: Vec<Guest>,
    /// What is shown, in this order.
    #[serde(default, rename = "scene")]
    pub(super) scenes: Vec<Scene>,
    /// What the firmware prints outside scenes.
    pub(super) firmware: Prints,
    /// How the firmware can be broken.
    #[serde(default, rename = "mutation")]
    pub(super) mutations: Vec<Mutation>,
}

/// A way to break the firmware.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutation {
    /// The feature of the firmware that does.
    pub(super) feature: String,
    /// How.
    pub(super) about: String,
    /// Where it must be noticed.
    scenes: Vec<String>,
}

/// A program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Guest {
    pub(super) name: String,
    /// Extra memories.
    #[serde(default)]
    pub(super) windows: u32,
    /// The size of each at most, in bytes.
    pub(super) window_bytes: Option<u64>,
    /// Flags of `memctl declare`.
    pub(super) declare: Option<Vec<String>>,
    /// Flags of `memctl instrument`.
    pub(super) instrument: Option<Vec<String>>,
    /// Interfaces that only the firmware has.
    #[serde(default)]
    pub(super) provides: Vec<String>,
}

/// Guests, what they share, and what must be seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scene {
    pub(super) name: String,
    /// A claim.
    pub(super) about: String,
    pub(super) guests: Vec<String>,
    #[serde(default = "once")]
    pub(super) turns: u32,
    #[serde(default)]
    pub(super) objects: Vec<Object>,
    #[serde(default)]
    pub(super) heaps: Vec<Heap>,
    #[serde(default)]
    pub(super) linux: Linux,
    /// What `memctl run` exits with.
    #[serde(default)]
    pub(super) exit: i32,
    #[serde(default)]
    pub(super) regions: Regions,
    /// Lines of the guests that must be there.
    #[serde(default)]
    pub(super) says: Vec<String>,
    #[serde(flatten)]
    pub(super) lines: Prints,
}

/// Lines of the firmware.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Prints {
    /// With regions and without.
    #[serde(default)]
    pub(super) prints: Vec<String>,
    /// With regions.
    #[serde(default)]
    pub(super) prints_on: Vec<String>,
    /// With regions that bind privileged code too, as those of MPUs do and those of a PMP don't.
    #[serde(default)]
    pub(super) prints_bound: Vec<String>,
    /// Without.
    #[serde(default)]
    pub(super) prints_off: Vec<String>,
}

/// A published object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    name: String,
    size: Option<u64>,
    file: Option<String>,
    feed: Option<String>,
    /// What it is on a board; elsewhere the feed stands for it.
    #[serde(default, rename = "device")]
    _device: Option<String>,
}

/// A published heap.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heap {
    name: String,
    size: u64,
    max: Option<u64>,
}

/// Whether Linux shows the scene too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Linux {
    /// It does, and guests print the same.
    #[default]
    Equal,
    /// It can't.
    None,
}

/// Whether the scene is shown without regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Regions {
    /// It is.
    #[default]
    Any,
    /// It needs them.
    On,
}

fn once() -> u32 {
    1
}

impl Scenes {
    /// The scenes in which a mutation must be noticed.
    pub(super) fn noticing(&self, mutation: &Mutation) -> Vec<&Scene> {
        self.scenes.iter().filter(|scene| mutation.scenes.contains(&scene.name)).collect()
    }

    /// The scenes that a firmware shows.
    pub(super) fn shown(&self, variant: Variant<'_>) -> impl Iterator<Item = &Scene> {
        self.scenes.iter().filter(move |scene| match variant {
            Variant::Bare => scene.name == WITHOUT_CONTROL,
            Variant::Added => scene.name == WITH_CONTROL,
            Variant::Open => scene.regions == Regions::Any,
            Variant::Whole | Variant::Mutated(_) => true,
        })
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It can't be read, or a scene has a guest that isn't described.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let scenes: Self = toml::from_str(text)?;
        for Scene { name, guests, objects, .. } in &scenes.scenes {
            if guests.is_empty() {
                bail!("scene {name} has no guest");
            }
            if let Some(unknown) = guests.iter().find(|guest| !scenes.guests.iter().any(|known| known.name == **guest))
            {
                bail!("scene {name} has a guest {unknown}, which no [[guest]] describes");
            }
            if let Some(odd) = objects.iter().find(|object| object.size.is_some() == object.file.is_some()) {
                bail!("object {} of scene {name} has either a size or a file", odd.name);
            }
        }
        for Mutation { feature, scenes: wanted, .. } in &scenes.mutations {
            if let Some(unknown) = wanted.iter().find(|name| !scenes.scenes.iter().any(|scene| scene.name == **name)) {
                bail!("mutation {feature} is to be noticed in {unknown}, which is no scene");
            }
        }
        Ok(scenes)
    }
}

impl Scene {
    /// The flags of `memctl run` that make the same scene. Files of objects lie in `place`.
    pub(super) fn flags(&self, place: &Path) -> Vec<String> {
        let mut flags = vec!["--turns".to_owned(), self.turns.to_string()];
        for Object { name, size, file, feed, .. } in &self.objects {
            let source = match (size, file) {
                (Some(size), _) => size.to_string(),
                (None, Some(file)) => format!("{}:ro", place.join(file).display()),
                (None, None) => continue,
            };
            flags.extend(["--object".to_owned(), format!("{name}={source}")]);
            if let Some(feed) = feed {
                flags.extend(["--feed".to_owned(), format!("{name}={}", place.join(feed).display())]);
            }
        }
        for Heap { name, size, max } in &self.heaps {
            let max = max.map(|max| format!("..{max}")).unwrap_or_default();
            flags.extend(["--heap".to_owned(), format!("{name}={size}{max}")]);
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_projects_own_file_is_understood() {
        Scenes::parse(include_str!("../../../examples/board/scenes.toml")).unwrap();
    }

    #[test]
    fn a_scene_becomes_flags_of_memctl_run() {
        let text = r#"
            [firmware]
            [[guest]]
            name = "a"
            [[scene]]
            name = "s"
            about = "a claim"
            guests = ["a", "a"]
            turns = 3
            objects = [{ name = "o", size = 4096 }, { name = "f", file = "flash.txt" }, { name = "d", size = 16, feed = "fifo.txt" }]
            heaps = [{ name = "h", size = 64, max = 128 }, { name = "i", size = 32 }]
            prints-on = ["board: {n} and {n}"]"#;
        let scenes = Scenes::parse(text).unwrap();
        let flags = scenes.scenes[0].flags(Path::new("/p")).join(" ");
        assert_eq!(
            flags,
            "--turns 3 --object o=4096 --object f=/p/flash.txt:ro --object d=16 --feed d=/p/fifo.txt --heap h=64..128 --heap i=32"
        );
        assert_eq!(scenes.scenes[0].lines.prints_on, ["board: {n} and {n}"]);
    }

    #[test]
    fn a_guest_that_is_not_described_is_refused() {
        let text = "[firmware]\n[[scene]]\nname = \"s\"\nabout = \"\"\nguests = [\"ghost\"]";
        assert!(Scenes::parse(text).unwrap_err().to_string().contains("ghost"));
    }
}
