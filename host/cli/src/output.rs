//! Files that are written as a whole or not at all.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `bytes` to `path`: to a temporary file beside it, which then takes its place. What is no regular file, such as `/dev/stdout`, is written to.
///
/// # Errors
/// It can't be written. What was at `path` is still there.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let context = || format!("{}: can't write it", path.display());
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, bytes).with_context(context);
    }
    // Through a symbolic link to the file itself.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".memctl-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)
        .with_context(context)?;
    file.write_all(bytes).with_context(context)?;
    file.persist(&path).map_err(|error| error.error).with_context(context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wasm");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_failure_names_the_file_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("none/out.wasm"), b"one").unwrap_err();
        assert!(format!("{error:#}").contains("none/out.wasm"), "{error:#}");
        assert!(write(dir.path(), b"one").is_err(), "a directory");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
