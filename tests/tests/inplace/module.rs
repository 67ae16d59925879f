//! A guest with two windows, which does what it is told.

use memctl_core::Directory;

use crate::scene::WINDOW;

/// Two windows that can grow, or can't; and functions that bind them and then let both settle, or don't.
pub(crate) fn wat(limits: &str) -> String {
    let directory: String =
        Directory { memory: 3, windows: vec![2, 1] }.to_bytes().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let package = |name: &str| format!("wasi:memory-control/{name}@0.1.0-draft");
    let (object, mapping, window) = (package("object"), package("mapping"), package("window"));
    let bind = "i32 i32 i32 i64 i64 i32 i64 i32 i32 i32 i32 i32";
    let rebind = "i32 i32 i64 i64 i32 i32 i64 i32 i32 i32 i32 i32";
    let unmap = "i32 i32 i32 i64 i64 i32";
    let pass = |params: &str| (0..params.split(' ').count()).map(|at| format!("local.get {at} ")).collect::<String>();
    let mut exports = String::new();
    let calls = [("bind", bind), ("rebind", rebind), ("unmap", unmap), ("drop", "i32")];
    for ((call, params), number) in calls.into_iter().flat_map(|call| [(call, 1), (call, 2)]) {
        let (arguments, stores) = (pass(params), "(i32.store8 $w1 (i32.const 5) (i32.const 99))");
        let never = "(i32.store8 $w1 (i32.const 6) (i32.const 99))";
        exports += &format!(
            r#"(func (export "{call}{number}") (param {params}) {arguments} call ${call} call $settle{number})
               (func (export "{call}{number} raw") (param {params}) {arguments} call ${call})
               (func (export "{call}{number}, store and settle") (param {params})
                   {arguments} call ${call} {stores} call $settle{number})
               (func (export "{call}{number}, store and call") (param {params})
                   {arguments} call ${call} {stores} (drop (call $granule)) {never})
               (func (export "{call}{number}, store and grow") (param {params})
                   {arguments} call ${call} {stores} (drop (memory.grow $w1 (i32.const 1))) {never} call $settle{number})
               (func (export "{call}{number}, store and settle another") (param {params})
                   {arguments} call ${call} {stores} (drop (memory.grow $w2 (i32.const 0))) {never} call $settle{number})
               (func (export "{call}{number}, store and trap") (param {params})
                   {arguments} call ${call} {stores} unreachable)"#
        );
    }
    for number in [1, 2] {
        exports += &format!(
            r#"(func $settle{number} (export "settle{number}") (drop (memory.grow $w{number} (i32.const 0))))
               (func (export "load{number}") (param i32) (result i32) (i32.load8_u $w{number} (local.get 0)))
               (func (export "store{number}") (param i32 i32) (i32.store8 $w{number} (local.get 0) (local.get 1)))
               (func (export "grow{number}") (param i32) (result i32) (memory.grow $w{number} (local.get 0)))
               (func (export "sum{number}") (result i32) (local i32 i32)
                   (loop (local.set 1 (i32.add (local.get 1) (i32.load8_u $w{number} (local.get 0))))
                         (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                         (br_if 0 (i32.lt_u (local.get 0) (i32.const {WINDOW}))))
                   (local.get 1))"#
        );
    }
    format!(
        r#"(module
            (import "{object}" "[static]object.open" (func $open (param i32 i32 i32)))
            (import "{object}" "[static]object.anonymous" (func $anonymous (param i64 i32)))
            (import "{object}" "[method]object.resize" (func $resize (param i32 i64 i32)))
            (import "{object}" "[resource-drop]object" (func $close (param i32)))
            (import "wasi:memory-control/domain@0.1.0-draft" "granule" (func $granule (result i64)))
            (import "{window}" "bind" (func $bind (param {bind})))
            (import "{window}" "rebind" (func $rebind (param {rebind})))
            (import "{window}" "count" (func $count (param i32 i32) (result i32)))
            (import "{window}" "capabilities-of" (func $capabilities (param i32 i32 i32 i32)))
            (import "{mapping}" "[method]mapping.unmap" (func $unmap (param {unmap})))
            (import "{mapping}" "[resource-drop]mapping" (func $drop (param i32)))
            (memory $m (export "memory") 1)
            (memory $w1 (export "window1") {limits}) (memory $w2 {limits}) (memory $directory 1 1)
            (data (memory $directory) (i32.const 0) "{directory}")
            {exports}
            (func (export "open") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 call $open)
            (func (export "anonymous") (param i64 i32) local.get 0 local.get 1 call $anonymous)
            (func (export "resize") (param i32 i64 i32) local.get 0 local.get 1 local.get 2 call $resize)
            (func (export "close") (param i32) local.get 0 call $close)
            (func (export "count") (result i32) (call $count (i32.const 0) (i32.const 0)))
            (func (export "capabilities") (param i32 i32)
                (call $capabilities (i32.const 0) (i32.const 0) (local.get 0) (local.get 1)))
            (func (export "touch")))"#
    )
}
