//! `examples/board/scenes.toml`, as far as it is about Linux, and the guests that it names.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

use serde::Deserialize;

/// Where the guests and the scenes are.
fn board() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/board")
}

/// The guests' modules, freshly built.
static MODULES: LazyLock<PathBuf> = LazyLock::new(|| {
    // Apart from cargo's own directory, whose lock the cargo that runs these tests may hold.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("board-guests");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // In their own directory, where cargo finds how they are linked; and not as the tests themselves are, with coverage or a sanitizer.
    command.current_dir(board().join("guests")).env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    command.args(["build", "--quiet", "--release", "--locked", "--target-dir"]).arg(&target);
    assert!(
        command.status().expect("cargo starts").success(),
        "guests don't build; `cargo xtask setup` installs the target"
    );
    target.join("wasm32-unknown-unknown/release")
});

/// The file.
#[derive(Deserialize)]
pub(crate) struct Scenes {
    guest: Vec<Guest>,
    scene: Vec<Scene>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Guest {
    name: String,
    #[serde(default)]
    windows: u32,
    #[serde(default)]
    window_bytes: u64,
    declare: Option<Vec<String>>,
    instrument: Option<Vec<String>>,
}

/// One scene.
#[derive(Deserialize)]
pub(crate) struct Scene {
    pub(crate) name: String,
    pub(crate) guests: Vec<String>,
    #[serde(default = "once")]
    turns: u32,
    #[serde(default)]
    objects: Vec<Object>,
    #[serde(default)]
    heaps: Vec<Heap>,
    linux: Option<String>,
    /// What `memctl run` exits with.
    #[serde(default)]
    pub(crate) exit: i32,
}

#[derive(Deserialize)]
struct Object {
    name: String,
    size: Option<u64>,
    file: Option<String>,
    feed: Option<String>,
}

#[derive(Deserialize)]
struct Heap {
    name: String,
    size: u64,
    max: Option<u64>,
}

fn once() -> u32 {
    1
}

impl Scenes {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(board().join("scenes.toml")).expect("it is there");
        toml::from_str(&text).expect("it is understood")
    }

    /// Scenes that Linux can play as well.
    pub(crate) fn on_linux(&self) -> impl Iterator<Item = &Scene> {
        self.scene.iter().filter(|scene| scene.linux.as_deref() != Some("none"))
    }

    /// The guests' names.
    pub(crate) fn guests(&self) -> impl Iterator<Item = &str> {
        self.guest.iter().map(|guest| guest.name.as_str())
    }

    /// Makes all guests' components in `place`, each as NAME.wasm.
    pub(crate) fn make_guests(&self, place: &Path) {
        self.guest.iter().for_each(|guest| guest.make(place));
    }
}

impl Guest {
    fn make(&self, place: &Path) {
        let Self { name, windows, window_bytes, declare, instrument } = self;
        let module = MODULES.join(format!("board_{name}.wasm")).display().to_string();
        let component = format!("{name}.wasm");
        let step = |command: &str, from: &str, flags: &[String], to: &str| {
            let ends = [command, from, "-o", to].map(str::to_owned);
            let output = super::memctl(place, &[&ends, flags].concat());
            assert!(output.status.success(), "{command} of {name}: {}", String::from_utf8_lossy(&output.stderr));
        };
        if *windows > 0 {
            let flags = ["--count".to_owned(), windows.to_string(), "--size".to_owned(), window_bytes.to_string()];
            step("link-windows", &module, &flags, "linked.wasm");
            step("component", "linked.wasm", &[], &component);
        } else {
            step("component", &module, &[], &component);
        }
        for (command, flags) in [("declare", declare), ("instrument", instrument)] {
            if let Some(flags) = flags {
                step(command, &component, flags, &component);
            }
        }
    }
}

impl Scene {
    /// What plays it, as arguments of `memctl run`.
    pub(crate) fn flags(&self) -> Vec<String> {
        let path = |file: &str| board().join(file).display().to_string();
        let mut flags = vec!["--turns".to_owned(), self.turns.to_string()];
        for Object { name, size, file, feed } in &self.objects {
            let source = match (size, file) {
                (Some(size), _) => size.to_string(),
                (None, file) => format!("{}:ro", path(file.as_deref().expect("a size or a file"))),
            };
            flags.extend(["--object".to_owned(), format!("{name}={source}")]);
            if let Some(feed) = feed {
                flags.extend(["--feed".to_owned(), format!("{name}={}", path(feed))]);
            }
        }
        for Heap { name, size, max } in &self.heaps {
            flags.extend(["--heap".to_owned(), format!("{name}={size}..{}", max.unwrap_or(*size))]);
        }
        let (first, others) = self.guests.split_first().expect("a guest");
        flags.extend(others.iter().flat_map(|other| ["--beside".to_owned(), format!("{other}.wasm")]));
        flags.push(format!("{first}.wasm"));
        flags
    }
}
