//! What is declared, and when it is in force.

use memctl_core::Stopped;
use wasmtime::{Trap, Val};

use crate::harness::{Run, declared, engine};

#[test]
fn a_start_function_can_fill_what_is_protected_from_then_on() {
    let wat = r#"(module
        (memory (export "memory") 1)
        (start $start)
        (func $start (i32.store (i32.const 100) (i32.const 7)) (memory.fill (i32.const 104) (i32.const 1) (i32.const 4)))
        (func (export "again") (param i32) (i32.store (local.get 0) (i32.const 8)))
        (func (export "get") (param i32) (result i32) (i32.load (local.get 0))))"#;
    let wasm = wat::parse_str(wat).expect("valid");
    let mut run = Run::instrumented(&engine(), &wasm, &declared(64, 4096));
    assert_eq!(run.call("get", &[Val::I32(100)]).result, Ok(vec!["I32(7)".to_owned()]));
    assert_eq!(run.call("get", &[Val::I32(104)]).result, Ok(vec!["I32(16843009)".to_owned()]));
    let stopped = run.call("again", &[Val::I32(100)]);
    assert_eq!(stopped.result, Err(Trap::MemoryOutOfBounds));
    assert_eq!(stopped.stopped, Some(Stopped { count: 1, address: 100, write: true }));
    assert_eq!(run.bytes(100, 1), [7]);
    assert!(run.call("get", &[Val::I32(63)]).stopped.is_some_and(|stopped| !stopped.write));
}
