//! What instrumentation makes of a file's core modules, in bytes: `sizes FILE NO_ACCESS READ_ONLY [table]`.

use anyhow::{Context as _, Result};
use memctl_core::Bounds;
use memctl_instrument::{Options, Table, instrument};
use wasmparser::{Parser, Payload};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().context("FILE")?;
    let mut number = || arguments.next().context("a number")?.parse::<u64>().context("a number");
    let bounds = Bounds { no_access: number()?, read_only: number()? };
    let table = if arguments.next().is_some() { Table::Always } else { Table::Never };
    let wasm = wat::parse_file(&file)?;
    let mut modules = vec![];
    if Parser::is_component(&wasm) {
        for payload in Parser::new(0).parse_all(&wasm) {
            if let Payload::ModuleSection { unchecked_range, .. } = payload? {
                modules.push(wasm[unchecked_range].to_vec());
            }
        }
    } else {
        modules.push(wasm);
    }
    for module in modules {
        let bounds = (bounds != Bounds::NONE).then_some(bounds);
        match instrument(&module, &Options { bounds, table, ..Options::default() }) {
            Err(error) => println!("{file}: {error}"),
            Ok(outcome) => {
                let report = &outcome.report.modules[0];
                println!(
                    "{file}: {} -> {} bytes, {:.3}; code {:.3}; loads {:?}, stores {:?}, bulk {:?}; {:?}",
                    report.bytes_before,
                    report.bytes_after,
                    report.bytes_after as f64 / report.bytes_before as f64,
                    code(&outcome.wasm)? as f64 / code(&module)? as f64,
                    report.loads,
                    report.stores,
                    report.bulk,
                    report.debug,
                );
            }
        }
    }
    Ok(())
}

fn code(wasm: &[u8]) -> Result<usize> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionStart { range, .. } = payload? {
            return Ok(range.len());
        }
    }
    Ok(0)
}
