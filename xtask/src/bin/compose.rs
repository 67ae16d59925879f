//! `compose PLUG.wasm SOCKET.wasm OUT.wasm`: two components made one. `cargo xtask compose` builds and runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PackageId, plug};

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [plug, socket, output] = &files[..] else {
        eprintln!("usage: compose PLUG.wasm SOCKET.wasm OUT.wasm");
        return ExitCode::from(2);
    };
    match compose(plug, socket, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compose: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes to `output` what comes of plugging the exports of `plug` into the imports of `socket`. Other imports of both stay
/// imports.
fn compose(plug_file: &Path, socket_file: &Path, output: &Path) -> Result<()> {
    let mut graph = CompositionGraph::new();
    let plug_package = register(&mut graph, "memctl:plug", plug_file)?;
    let socket_package = register(&mut graph, "memctl:socket", socket_file)?;
    plug(&mut graph, vec![plug_package], socket_package)
        .with_context(|| format!("can't plug {} into {}", plug_file.display(), socket_file.display()))?;
    let component = graph.encode(EncodeOptions::default())?;
    fs::write(output, component).with_context(|| format!("can't write {}", output.display()))
}

fn register(graph: &mut CompositionGraph, name: &str, file: &Path) -> Result<PackageId> {
    let bytes = fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
    let package = Package::from_bytes(name, None, bytes, graph.types_mut())
        .with_context(|| format!("{} is not a component", file.display()))?;
    Ok(graph.register_package(package)?)
}
