//! Imports: parameters are loaded, results are stored.

use memctl_instrument::Table;
use wasmtime::component::Val;

use crate::world::{Ended, World, options, protect};

/// A component whose export `run` hands its parameters as they are to the import `f`.
fn forwarding(ty: &str, core: &str, slots: &str, options: &str) -> String {
    let numbered: String = slots
        .split_whitespace()
        .enumerate()
        .map(|(number, slot)| format!("(param \"p{number}\" {})", wit(slot)))
        .collect();
    let gets: String = (0..slots.split_whitespace().count()).map(|number| format!("(local.get {number})")).collect();
    format!(
        r#"(component
          (import "f" (func $f {ty}))
          (core module $m
            (memory (export "memory") 2)
            (global $next (mut i32) (i32.const 16384))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (global.get $next))
            (func (export "set-next") (param i32) (global.set $next (local.get 0)))
            (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
)
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $memory))
          (alias core export $i "realloc" (core func $realloc))
          (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc) {options}))
          (core module $caller
            (import "" "f" (func $f {core}))
            (func (export "run") (param {slots}) {gets} (call $f) {drop}))
          (core instance $c (instantiate $caller (with "" (instance (export "f" (func $lowered))))))
          (func (export "run") {numbered} (canon lift (core func $c "run")))
          (func (export "set-next") (param "p" u32) (canon lift (core func $i "set-next")))
          (func (export "poke") (param "p" u32) (param "v" u32) (canon lift (core func $i "poke"))))"#,
        drop = if core.contains("result") { "(drop)" } else { "" },
    )
}

fn wit(slot: &str) -> &'static str {
    match slot {
        "i32" => "u32",
        "i64" => "u64",
        "f32" => "f32",
        _ => "f64",
    }
}

/// A world in which `f` gives `results`.
fn world(text: &str, table: Table, results: Vec<Val>) -> World {
    World::start(text, &options(table), |linker, _| {
        linker
            .root()
            .func_new("f", move |_, _, _, out| {
                out.clone_from_slice(&results);
                Ok(())
            })
            .unwrap();
    })
}

fn u32s(values: &[u32]) -> Vec<Val> {
    values.iter().map(|value| Val::U32(*value)).collect()
}

const FINE: Ended = Ended::Returned(Vec::new());

#[test]
fn a_string_is_loaded_where_it_lies() {
    let text = forwarding("(param \"s\" string)", "(param i32 i32)", "i32 i32", "");
    for (start, len, ended) in [
        (0, 1, Ended::load(0)),
        (4095, 2, Ended::load(4095)),
        (4000, 1000, Ended::load(4000)),
        (4096, 4096, FINE),
        (0, 0, FINE),
        (8192, 100, FINE),
    ] {
        assert_eq!(world(&text, Table::Never, vec![]).call("run", &u32s(&[start, len])), ended, "{start} {len}");
    }
    let Ended::Trapped(why) = world(&text, Table::Never, vec![]).call("run", &u32s(&[0, 1 << 20])) else {
        panic!("a string outside the memory");
    };
    assert!(why.contains("out-of-bounds") || why.contains("out of bounds"), "{why}");
}

#[test]
fn the_code_units_of_strings_have_their_size() {
    for (option, len, ended) in [
        ("string-encoding=utf8", 100, FINE),
        ("string-encoding=utf16", 100, Ended::load(12288)),
        ("string-encoding=latin1+utf16", 100, FINE),
        ("string-encoding=latin1+utf16", 100 | 1 << 31, Ended::load(12288)),
    ] {
        let text = forwarding("(param \"s\" string)", "(param i32 i32)", "i32 i32", option);
        let mut world = world(&text, Table::Always, vec![]);
        world.protect(&[(12288, 4096, false)]);
        assert_eq!(world.call("run", &u32s(&[12288 - 150, len])), ended, "{option} {len:#x}");
    }
}

#[test]
fn elements_of_lists_are_followed() {
    let text = forwarding("(param \"l\" (list string))", "(param i32 i32)", "i32 i32", "");
    let mut found = world(&text, Table::Never, vec![]);
    // Two strings: one at 0x3000 of two bytes, one where the null pointer points.
    assert_eq!(found.call("poke", &u32s(&[16384, 0x3000])), FINE);
    assert_eq!(found.call("poke", &u32s(&[16388, 2])), FINE);
    assert_eq!(found.call("poke", &u32s(&[16392, 77])), FINE);
    assert_eq!(found.call("run", &u32s(&[16384, 2])), FINE, "the second is empty");
    assert_eq!(found.call("poke", &u32s(&[16396, 1])), FINE);
    assert_eq!(found.call("run", &u32s(&[16384, 1])), FINE);
    assert_eq!(found.call("run", &u32s(&[16384, 2])), Ended::load(77));
    assert_eq!(world(&text, Table::Never, vec![]).call("run", &u32s(&[4088, 1])), Ended::load(4088), "the list itself");
}

#[test]
fn cases_of_variants_share_their_slots() {
    let ty = "(param \"v\" (result (list u16) (error f64)))";
    let text = forwarding(ty, "(param i32 i64 i32)", "i32 i64 i32", "");
    let call = |case: u32, start: u64, len: u32| {
        let params = [Val::U32(case), Val::U64(start), Val::U32(len)];
        world(&text, Table::Never, vec![]).call("run", &params)
    };
    assert_eq!(call(0, 2, 1), Ended::load(2));
    assert_eq!(call(0, 2, 0), FINE);
    assert_eq!(call(1, 2, 1), FINE, "that is a number");
    assert_eq!(call(0, 5000, 1), FINE);
}

#[test]
fn many_parameters_lie_in_memory() {
    let many = "(param \"a\" string)".to_owned()
        + &(0..16).map(|number| format!("(param \"b{number}\" u8)")).collect::<String>();
    let text = forwarding(&many, "(param i32)", "i32", "");
    let call = |at: u32| world(&text, Table::Never, vec![]).call("run", &u32s(&[at]));
    assert_eq!(call(4088), Ended::load(4088));
    assert_eq!(call(4096), FINE);
    let mut found = world(&text, Table::Never, vec![]);
    assert_eq!(found.call("poke", &u32s(&[16384, 4000])), FINE);
    assert_eq!(found.call("poke", &u32s(&[16388, 5])), FINE);
    assert_eq!(found.call("run", &u32s(&[16384])), Ended::load(4000));
}

#[test]
fn results_are_stored_where_the_guest_says() {
    let text = forwarding("(result (tuple u32 u32))", "(param i32)", "i32", "");
    let result = vec![Val::Tuple(vec![Val::U32(1), Val::U32(2)])];
    let call = |at: u32| world(&text, Table::Never, result.clone()).call("run", &u32s(&[at]));
    assert_eq!(call(8), Ended::store(8));
    assert_eq!(call(8188), Ended::store(8188));
    assert_eq!(call(8192), FINE);
    let text = forwarding("(result u32)", "(result i32)", "", "");
    assert_eq!(world(&text, Table::Never, vec![Val::U32(1)]).call("run", &[]), FINE, "no memory is used");
}

#[test]
fn lists_are_stored_where_realloc_says() {
    let text = forwarding("(result (list u8))", "(param i32)", "i32", "");
    let result = vec![Val::List(vec![Val::U8(1), Val::U8(2)])];
    for (next, ended) in [(4096, Ended::store(4096)), (8191, Ended::store(8191)), (8192, FINE), (0, Ended::store(0))] {
        let mut world = world(&text, Table::Never, result.clone());
        assert_eq!(world.call("set-next", &u32s(&[next])), FINE);
        assert_eq!(world.call("run", &u32s(&[16384])), ended, "{next}");
    }
    let mut empty = world(&text, Table::Never, vec![Val::List(vec![])]);
    assert_eq!(empty.call("set-next", &u32s(&[0])), FINE);
    assert_eq!(empty.call("run", &u32s(&[16384])), FINE);
}

#[test]
fn ranges_of_the_table_are_kept_too() {
    let text = forwarding("(param \"s\" string) (result (tuple u32 u32))", "(param i32 i32 i32)", "i32 i32 i32", "");
    let result = vec![Val::Tuple(vec![Val::U32(1), Val::U32(2)])];
    let call = |params: [u32; 3]| {
        let mut world = world(&text, Table::Always, result.clone());
        world.protect(&[(12288, 4096, false), (20480, 4096, true)]);
        world.call("run", &u32s(&params))
    };
    assert_eq!(call([12287, 1, 24576]), FINE);
    assert_eq!(call([12287, 2, 24576]), Ended::load(12288));
    assert_eq!(call([16383, 2, 24576]), Ended::load(16383));
    assert_eq!(call([16384, 2, 24576]), FINE);
    assert_eq!(call([20480, 4096, 24576]), FINE, "that can be loaded");
    assert_eq!(call([20480, 4096, 20476]), Ended::store(20480));
    assert_eq!(call([20480, 4096, 24572]), Ended::store(24572));
}

#[test]
fn what_the_call_itself_protects_is_protected() {
    let text = forwarding("(result (tuple u32 u32))", "(param i32)", "i32", "");
    let mut world = World::start(&text, &options(Table::Always), |linker, memories| {
        let memories = memories.clone();
        linker
            .root()
            .func_new("f", move |_, _, _, out| {
                protect(&memories, &[(16384, 4096, true)]);
                out[0] = Val::Tuple(vec![Val::U32(1), Val::U32(2)]);
                Ok(())
            })
            .unwrap();
    });
    assert_eq!(world.call("run", &u32s(&[20480])), FINE);
    assert_eq!(world.call("run", &u32s(&[16400])), Ended::store(16400));
}
