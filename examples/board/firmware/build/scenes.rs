//! Turns `../scenes.toml` and the images of the guests into Rust: what `src/scenes/list.rs` includes, and the functions that `src/functions.rs` does.
//!
//! Images come from the folder `$MEMCTL_BOARD_IMAGES`, `target/board/images` of the repository unless said otherwise, where `cargo xtask board` leaves them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// What the firmware needs of the file; `cargo xtask board` reads the rest.
#[derive(Deserialize)]
struct Scenes {
    #[serde(default)]
    scene: Vec<Scene>,
}

#[derive(Deserialize)]
struct Scene {
    name: String,
    guests: Vec<String>,
    #[serde(default = "once")]
    turns: u32,
    #[serde(default)]
    objects: Vec<Object>,
    #[serde(default)]
    heaps: Vec<Heap>,
    #[serde(default)]
    regions: Regions,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    size: Option<u32>,
    file: Option<String>,
    feed: Option<String>,
    device: Option<String>,
}

#[derive(Deserialize)]
struct Heap {
    name: String,
    size: u32,
    max: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Regions {
    #[default]
    Any,
    On,
}

fn once() -> u32 {
    1
}

/// Writes `scenes.rs` to `out`: the constants `SCENES` and `EMBEDDED`. And `functions.rs`, an array of names.
pub(crate) fn write(out: &Path, images: &Path) {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is"));
    let board = here.parent().expect("the firmware lies in examples/board");
    let list = board.join("scenes.toml");
    let text = fs::read_to_string(rerun(&list)).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    let scenes: Scenes = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    let scenes: Vec<_> = scenes.scene.into_iter().filter(|scene| chosen(&scene.name)).collect();
    fs::write(out.join("scenes.rs"), rust(&scenes, board, images)).expect("cargo's folder can be written to");
    let functions = format!("{:?}", functions(&scenes, images));
    fs::write(out.join("functions.rs"), functions).expect("cargo's folder can be written to");
}

/// Whether a scene is among those in `$MEMCTL_BOARD_SCENES`, with commas between them; all are if that is not set. Flash has not room for the guests of
/// all of them.
fn chosen(name: &str) -> bool {
    println!("cargo:rerun-if-env-changed=MEMCTL_BOARD_SCENES");
    env::var("MEMCTL_BOARD_SCENES").map_or(true, |names| names.split(',').any(|chosen| chosen == name))
}

/// The functions that guests import, as `memctl compile --imports` wrote them beside the images.
fn functions(scenes: &[Scene], images: &Path) -> Vec<String> {
    let guests = scenes.iter().flat_map(|scene| &scene.guests);
    let lists = guests.map(|name| {
        let list = images.join(name).with_extension("imports");
        fs::read_to_string(rerun(&list)).unwrap_or_else(|error| panic!("{}: {error}{MADE_BY}", list.display()))
    });
    let names: BTreeSet<String> = lists.flat_map(|list| list.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    names.into_iter().collect()
}

fn rust(scenes: &[Scene], board: &Path, images: &Path) -> String {
    let mut files = Files::default();
    let mut list = String::new();
    for scene in scenes {
        let guests = scene.guests.iter().map(|name| {
            let image = files.add(&images.join(name).with_extension("cwasm"));
            format!("Guest {{ name: {name:?}, image: Image::of({image}) }}, ")
        });
        let guests: String = guests.collect();
        let objects: String = scene.objects.iter().map(|object| object.rust(board, &mut files)).collect();
        let heaps = scene.heaps.iter().map(|Heap { name, size, max }| {
            format!("Heap {{ name: {name:?}, size: {size}, max: {} }}, ", max.unwrap_or(*size))
        });
        let heaps: String = heaps.collect();
        let regions = match scene.regions {
            Regions::Any => "Any",
            Regions::On => "On",
        };
        let Scene { name, turns, .. } = scene;
        // Writing to a String doesn't fail.
        let _ = writeln!(
            list,
            "    Scene {{ name: {name:?}, turns: {turns}, guests: &[{guests}], objects: &[{objects}], heaps: &[{heaps}], regions: Regions::{regions} }},"
        );
    }
    format!(
        "{}/// Bytes of images and of objects, in flash.\npub(crate) const EMBEDDED: usize = {};\n\
         /// The scenes, in their order.\npub(crate) static SCENES: &[Scene] = &[\n{list}];\n",
        files.statics, files.bytes
    )
}

impl Object {
    fn rust(&self, board: &Path, files: &mut Files) -> String {
        let name = &self.name;
        let bytes = match (self.size, &self.file, self.device.as_deref()) {
            (Some(_), None, Some("clock")) => "Clock".to_owned(),
            (Some(size), None, None) => format!("Zeroes({size})"),
            (None, Some(file), None) => format!("Flash(&{}.0)", files.add(&board.join(file))),
            _ => panic!(
                "scenes.toml: object {name} has either a size or a file, and if it is a device, that is the clock"
            ),
        };
        let feed = self
            .feed
            .as_ref()
            .filter(|_| self.device.is_none())
            .map_or("&[]".to_owned(), |file| format!("&{}.0", files.add(&board.join(file))));
        format!("Object {{ name: {name:?}, bytes: Bytes::{bytes}, feed: {feed} }}, ")
    }
}

/// Who makes images, and lists of imports.
const MADE_BY: &str = "; `cargo xtask board` makes it";

/// What keeps bytes at addresses that the engine can use. Named in full: with no file there is nothing to name.
const ALIGNED: &str = "crate::sys::image::Aligned";

/// Files that are embedded, each once.
#[derive(Default)]
struct Files {
    paths: Vec<PathBuf>,
    statics: String,
    bytes: u64,
}

impl Files {
    /// The name of the static that holds a file's bytes.
    fn add(&mut self, path: &Path) -> String {
        let known = self.paths.iter().position(|known| known == path);
        let number = known.unwrap_or_else(|| {
            let path =
                fs::canonicalize(rerun(path)).unwrap_or_else(|error| panic!("{}: {error}{MADE_BY}", path.display()));
            let number = self.paths.len();
            let len = fs::metadata(&path).expect("it is there").len();
            let _ = writeln!(
                self.statics,
                "static FILE_{number}: &{ALIGNED}<[u8]> = &{ALIGNED}(*include_bytes!({path:?}));"
            );
            self.bytes += len;
            number
        });
        if known.is_none() {
            self.paths.push(path.to_owned());
        }
        format!("FILE_{number}")
    }
}

/// The path, after cargo was told to look at it again.
fn rerun(path: &Path) -> &Path {
    println!("cargo:rerun-if-changed={}", path.display());
    path
}
