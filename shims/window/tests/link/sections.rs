//! What linking makes of a module, besides its behaviour.

use memctl_core::Directory;
use memctl_window::{DebugInfo, Linked, MODULE, MODULE64, Windows, imports_windows, libraries, link};
use wasmparser::{DataKind, Parser, Payload};

use crate::{
    functions::{self, Abi},
    guest::{BYTES, Guest, Numbers, Route, source},
};

fn linked(wat: &str, windows: Windows) -> Linked {
    link(&wat::parse_str(wat).unwrap(), &windows).unwrap()
}

fn text(linked: &Linked) -> String {
    wasmprinter::print_bytes(&linked.wasm).unwrap()
}

const TWO: Windows = Windows::new().memory32(2, 1 << 17);

#[test]
fn a_constant_window_leaves_no_call_but_that_of_compare() {
    for abi in Abi::ALL {
        let functions = functions::all(abi, "i32").into_iter().filter(|f| f.name != "compare").collect::<Vec<_>>();
        let constant = source(BYTES, &functions, Numbers::Constant);
        let linked = linked(&constant, BYTES.windows);
        let text = text(&linked);
        assert!(!text.contains("call "), "{text}");
        assert!(!text.contains("br_table") && !text.contains("(import"), "{text}");
        assert_eq!(linked.report.calls, 0);
        // With each of the three windows, or pair of windows.
        let inlined: u64 = functions.iter().map(|function| 3_u64.pow(u32::try_from(function.selectors).unwrap())).sum();
        assert_eq!(linked.report.inlined, inlined);
        assert_eq!(linked.report.no_windows, [0, 4]);
    }
}

#[test]
fn a_plain_access_is_one_instruction() {
    let linked = linked(
        r#"(module
            (import "memctl:window" "i64.store16" (func $store (param i32 i64 i32)))
            (import "memctl:window64" "i32.atomic.rmw8.xor_u" (func $xor (param i64 i32 i32) (result i32)))
            (import "memctl:window" "copy_between" (func $copy (param i32 i32 i32 i32 i32)))
            (memory 1)
            (func (param i32 i64)
                (call $store (local.get 0) (local.get 1) (i32.const 2)))
            (func (param i64 i32) (result i32)
                (return_call $xor (local.get 0) (local.get 1) (i32.const 3)))
            (func
                (call $copy (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 2) (i32.const 1))))"#,
        TWO.memory64(1, 65536),
    );
    let text = text(&linked);
    let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for body in [
        "local.get 0 local.get 1 i64.store16 $memctl.window.2 align=1 )",
        "local.get 0 local.get 1 i32.atomic.rmw8.xor_u $memctl.window.3 return )",
        "i32.const 7 i32.const 8 i32.const 9 memory.copy $memctl.window.2 $memctl.window.1 )",
    ] {
        assert!(squeezed.contains(body), "{body} in {text}");
    }
    assert_eq!(linked.report.inlined, 3);
}

#[test]
fn the_directory_stands_behind_the_windows_and_says_where_they_are() {
    for (memory, page) in [("(memory 1) (memory 2)", 65536), ("(memory 1 (pagesize 1)) (memory 2)", 1)] {
        let linked = linked(&format!("(module {memory})"), Windows::new().memory32(2, 1000).memory64(1, 200_000));
        let (mut memories, mut directory) = (Vec::new(), None);
        for payload in Parser::new(0).parse_all(&linked.wasm) {
            match payload.unwrap() {
                Payload::MemorySection(section) => memories.extend(section.into_iter().map(Result::unwrap)),
                Payload::DataSection(section) => {
                    let last = section.into_iter().last().unwrap().unwrap();
                    let DataKind::Active { memory_index, .. } = last.kind else { panic!("{last:?}") };
                    directory = Some((memory_index, Directory::parse(last.data.try_into().unwrap()).unwrap()));
                }
                _ => {}
            }
        }
        let (index, directory) = directory.unwrap();
        assert_eq!(directory, Directory { memory: 5, windows: vec![3, 2, 1] });
        assert_eq!((index, memories.len()), (5, 6));
        let sizes: Vec<_> =
            memories[2..].iter().map(|m| (m.initial * page, m.maximum.map(|m| m * page), m.memory64)).collect();
        let round = |bytes: u64| bytes.next_multiple_of(page);
        // With room to grow, so that their bases may move.
        let size = |bytes, wide| (round(bytes), Some(round(bytes) + page), wide);
        let last = (round(128), Some(round(128)), false);
        assert_eq!(sizes, [size(1000, false), size(1000, false), size(200_000, true), last]);
        let reported: Vec<_> =
            linked.report.windows.iter().map(|w| (w.number, w.memory, w.bytes, w.memory64)).collect();
        assert_eq!(reported, [(1, 2, round(1000), false), (2, 3, round(1000), false), (3, 4, round(200_000), true)]);
    }
}

#[test]
fn a_module_without_functions_of_windows_gets_windows_for_its_host() {
    let wat = "(module (memory (export \"memory\") 1) (func (export \"five\") (result i32) (i32.const 5)))";
    let module = wat::parse_str(wat).unwrap();
    assert!(!imports_windows(&module).unwrap());
    let linked = link(&module, &TWO).unwrap();
    assert!(linked.report.functions.is_empty());
    let mut guest = Guest::with(wat, TWO, Route::Static).unwrap();
    assert_eq!(guest.call("five", &[]).unwrap().unwrap().unwrap_i32(), 5);
    assert_eq!(guest.memory(2).len(), 1 << 17);
}

#[test]
fn functions_are_kept_under_new_numbers_everywhere() {
    let wat = r#"(module $program
        (import "other" "before" (func $before))
        (import "memctl:window" "count" (func $count (result i32)))
        (import "other" "between" (func $between))
        (import "memctl:window" "size" (func $size (param i32) (result i64)))
        (import "other" "after" (func $after (param $x i32)))
        (table funcref (elem $size $own))
        (memory (export "memory") 1)
        (global (ref func) (ref.func $count))
        (export "size" (func $size))
        (export "own" (func $own))
        (start $begin)
        (elem declare func $after)
        (data "passive")
        (func $begin (call $before) (call $between))
        (func $own (param $number i32) (result i64) (local $unused i64)
            (call $after (call $count))
            (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 7))
            (drop (ref.func $after))
            (call $size (local.get $number)))
        (@custom "kept" "as it is")
        (@producers (language "WAT" "1"))
        (@custom "metadata.code.branch_hint" (after last) ""))"#;
    let module = wat::parse_str(wat).unwrap();
    assert!(imports_windows(&module).unwrap());
    let linked = link(&module, &TWO).unwrap();
    let text = text(&linked);
    for part in [
        "(module $program",
        "(import \"other\" \"before\" (func $before (;0;)",
        "(import \"other\" \"between\" (func $between (;1;)",
        "(import \"other\" \"after\" (func $after (;2;)",
        "(elem (;0;) (table 0) (i32.const 0) func $memctl:window.size $own)",
        "ref.func $memctl:window.count",
        "(export \"size\" (func $memctl:window.size))",
        "(export \"own\" (func $own))",
        "(start $begin)",
        "(elem (;1;) declare func $after)",
        "(local $unused i64)",
        "call $after",
        "(memory $memctl.window.1 (;1;) 2 3)",
        "(memory $memctl.directory (;3;) 1 1)",
        "(@custom \"kept\" (after data) \"as it is\")",
        "(language \"WAT\" \"1\")",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("\"memctl:window\""), "{text}");
    assert_eq!(linked.report.left_out, ["metadata.code.branch_hint"]);
    assert_eq!(linked.report.functions, ["memctl:window count", "memctl:window size"]);
    assert_eq!((linked.report.inlined, linked.report.calls), (1, 1));
    assert_eq!(linked.report.debug, DebugInfo::None);
}

#[test]
fn a_function_that_is_only_passed_on_becomes_one_of_the_module() {
    let wat = r#"(module
        (import "memctl:window" "i32.load8_u" (func $load (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (export "load" (func $load)))"#;
    for route in [Route::Static, Route::Library] {
        let mut guest = Guest::with(wat, TWO, route).unwrap();
        guest.memory(2)[77] = 9;
        let args = [wasmtime::Val::I32(77), wasmtime::Val::I32(2)];
        assert_eq!(guest.call("load", &args).unwrap().unwrap().unwrap_i32(), 9);
    }
}

#[test]
fn a_library_is_there_for_each_module_name_and_the_first_has_the_directory() {
    let count = |module| format!("(import \"{module}\" \"count\" (func (result i32)))");
    let (narrow, wide) = (count(MODULE), count(MODULE64));
    let both = format!("{narrow} {wide}");
    for (imports, names) in
        [("", &[MODULE][..]), (&narrow, &[MODULE]), (&wide, &[MODULE64]), (&both, &[MODULE, MODULE64])]
    {
        let module = wat::parse_str(format!("(module {imports} (memory (export \"memory\") 1) (memory 1))")).unwrap();
        let libraries = libraries(&module, &TWO).unwrap();
        assert_eq!(libraries.iter().map(|library| library.name).collect::<Vec<_>>(), names);
        let directory = Parser::new(0).parse_all(&libraries[0].wasm).find_map(|payload| match payload.unwrap() {
            Payload::DataSection(section) => section.into_iter().next().unwrap().unwrap().data.try_into().ok(),
            _ => None,
        });
        // The program's own two memories are made first, then the windows.
        let expected = Directory { memory: 4, windows: vec![2, 1] };
        assert_eq!(Directory::parse(directory.unwrap()), Some(expected));
    }
}
