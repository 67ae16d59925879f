//! Components with a wrong byte.

use memctl_instrument::{Options, Table, declare, instrument, rodata};

use crate::wiring::ADAPTED;
use crate::world::{BOUNDS, options, wasm};

/// Programs that have most of what is read.
fn programs() -> [Vec<u8>; 2] {
    let lowering = r#"(component
      (import "f" (func $f (param "s" (list string)) (result (tuple u32 string))))
      (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local.get 0))
        (data $.rodata (i32.const 4096) "constants"))
      (component $inner (alias outer 1 $m (core module $mine)) (core instance (instantiate $mine)))
      (instance (instantiate $inner))
      (core instance $i (instantiate $m))
      (core func $lowered (canon lower (func $f)
        (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      (core instance $bundle (export "f" (func $lowered))))"#;
    [wasm(ADAPTED), wasm(lowering)]
}

#[test]
fn a_wrong_byte_is_an_error_or_another_program() {
    for program in programs() {
        for at in 8..program.len() {
            for wrong in [0, 1, 0x7f, 0x80, program[at] ^ 1] {
                let mut program = program.clone();
                program[at] = wrong;
                // What comes out is valid: that is checked before it is handed out.
                for options in [options(Table::Always), Options::default()] {
                    let outcome = instrument(&program, &options);
                    let internal = outcome.is_err_and(|error| error.to_string().contains("internal"));
                    assert!(!internal, "byte {at:#x} is {wrong:#x}");
                }
                let _either = (declare(&program, BOUNDS).is_ok(), rodata(&program).is_ok());
            }
        }
    }
}

#[test]
fn a_component_that_is_cut_off_is_an_error() {
    for program in programs() {
        for len in 0..program.len() {
            // What is cut off between two sections is a component: only names come at the end.
            let Ok(outcome) = instrument(&program[..len], &Options::default()) else { continue };
            assert!(instrument(&outcome.wasm, &Options::default()).is_err() || outcome.wasm.len() <= len);
        }
    }
}
