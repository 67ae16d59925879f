//! Every item of memmap2 with its type, compiled against this package, and against memmap2 itself where that is what it re-exports.

mod shim {
    use memmap2 as subject;
    include!("api/items.rs");
}

#[cfg(not(target_os = "wasi"))]
mod upstream {
    use real as subject;
    include!("api/items.rs");
}

#[test]
fn a_function_here_has_the_type_that_it_has_in_memmap2() {
    shim::check();
    #[cfg(not(target_os = "wasi"))]
    upstream::check();
}

/// What memmap2's source declares public, to be compared with what `items.rs` names.
#[cfg(not(target_os = "wasi"))]
#[test]
fn every_function_that_memmap2_has_is_named() {
    let source = std::env::var_os("MEMMAP2_SOURCE").map(std::path::PathBuf::from);
    let Some(source) = source.or_else(common::upstream_source) else { return };
    let named = include_str!("api/items.rs");
    let mut looked_at = 0;
    for file in ["lib.rs", "advice.rs"] {
        let text = std::fs::read_to_string(source.join(file)).expect("read");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let functions = text.lines().map(str::trim_start).filter_map(|line| {
            let rest = line.strip_prefix("pub unsafe fn ").or_else(|| line.strip_prefix("pub fn "))?;
            rest.split(['(', '<']).next()
        });
        for function in functions {
            looked_at += 1;
            assert!(named.contains(&format!("::{function}")), "{function} is not named in items.rs");
        }
    }
    assert!(looked_at > 40, "{looked_at} functions in {}", source.display());
}

#[cfg(not(target_os = "wasi"))]
mod common {
    use std::path::PathBuf;
    use std::process::Command;

    /// Where cargo has the source of memmap2, if it can say so.
    pub(super) fn upstream_source() -> Option<PathBuf> {
        let metadata = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .ok()?;
        let text = String::from_utf8(metadata.stdout).ok()?;
        let path = text.split('"').find(|text| text.ends_with("/memmap2-0.9.12/src/lib.rs"))?;
        PathBuf::from(path).parent().map(PathBuf::from)
    }
}
