//! Where cargo put the C sources.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::Database;

/// C sources as their crate bundles them.
pub(crate) struct Sources {
    /// The folder with the C files.
    pub(crate) folder: PathBuf,
    /// The crate's name and version.
    pub(crate) origin: String,
}

impl Sources {
    /// Fetches them if they are not there.
    ///
    /// # Errors
    /// cargo can't get them.
    pub(crate) fn of(database: Database) -> Result<Self> {
        let manifest = memctl_cc::root().join("examples").join(database.name()).join("Cargo.toml");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["metadata", "--format-version", "1", "--locked", "--manifest-path"]).arg(&manifest);
        let output = command.output().context("cargo can't be started")?;
        if !output.status.success() {
            bail!("cargo can't fetch {}:\n{}", database.package(), String::from_utf8_lossy(&output.stderr));
        }
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        let package = packages.iter().find(|package| package["name"] == database.package());
        let package =
            package.with_context(|| format!("{} doesn't ask for {}", manifest.display(), database.package()))?;
        let root = package["manifest_path"].as_str().and_then(|path| Path::new(path).parent());
        let folder = root.context("a package has a folder")?.join(match database {
            Database::Lmdb => "lmdb/libraries/liblmdb",
            Database::Sqlite => "sqlite3",
        });
        let version = package["version"].as_str().unwrap_or("?");
        Ok(Self { folder, origin: format!("{} {version}", database.package()) })
    }
}
