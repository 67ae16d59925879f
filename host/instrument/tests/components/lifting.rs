//! Exports: parameters are stored where `realloc` says, results are loaded.

use memctl_instrument::Table;
use wasmtime::component::Val;

use crate::world::{Ended, World, options};

const EXPORTING: &str = r#"(component
  (core module $m
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 16384))
    (global $made (mut i32) (i32.const 0))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (global.get $next))
    (func (export "set-next") (param i32) (global.set $next (local.get 0)))
    (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
    (func (export "take") (param i32 i32))
    (func (export "give") (param i32) (result i32) (local.get 0))
    (func (export "after") (param i32) (global.set $made (i32.const 1)))
    (func (export "count") (result i32) (global.get $made)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (alias core export $i "realloc" (core func $realloc))
  (func (export "take") (param "s" string)
    (canon lift (core func $i "take") (memory $memory) (realloc $realloc)))
  (func (export "give") (param "at" u32) (result string)
    (canon lift (core func $i "give") (memory $memory) (post-return (core func $i "after"))))
  (type $some (tuple u8 (option (list u32))))
  (func (export "give-some") (param "at" u32) (result $some)
    (canon lift (core func $i "give") (memory $memory)))
  (func (export "count") (result u32) (canon lift (core func $i "count")))
  (func (export "set-next") (param "p" u32) (canon lift (core func $i "set-next")))
  (func (export "poke") (param "p" u32) (param "v" u32) (canon lift (core func $i "poke"))))"#;

fn world(table: Table) -> World {
    World::start(EXPORTING, &options(table), |_, _| {})
}

fn u32s(values: &[u32]) -> Vec<Val> {
    values.iter().map(|value| Val::U32(*value)).collect()
}

const FINE: Ended = Ended::Returned(Vec::new());

#[test]
fn parameters_are_stored_where_realloc_says() {
    for (next, text, ended) in
        [(8190, "abc", Ended::store(8190)), (8192, "abc", FINE), (0, "a", Ended::store(0)), (0, "", FINE)]
    {
        let mut world = world(Table::Never);
        assert_eq!(world.call("set-next", &u32s(&[next])), FINE);
        assert_eq!(world.call("take", &[Val::String(text.into())]), ended, "{next}");
    }
}

#[test]
fn results_are_loaded_from_where_the_guest_left_them() {
    assert_eq!(world(Table::Never).call("give", &u32s(&[4092])), Ended::load(4092));
    let string = |start: u32, len: u32| {
        let mut world = world(Table::Never);
        assert_eq!(world.call("poke", &u32s(&[16384, start])), FINE);
        assert_eq!(world.call("poke", &u32s(&[16388, len])), FINE);
        let ended = world.call("give", &u32s(&[16384]));
        (ended, world)
    };
    assert_eq!(string(4095, 1).0, Ended::load(4095));
    assert_eq!(string(16, 0).0, Ended::Returned(vec![Val::String(String::new())]));
    let (ended, mut world) = string(4096, 2);
    assert_eq!(ended, Ended::Returned(vec![Val::String("\0\0".into())]));
    assert_eq!(world.call("count", &[]), Ended::Returned(u32s(&[1])), "post-return has run");
}

#[test]
fn lists_in_results_are_followed_in_the_case_that_is_there() {
    let some = |case: u32, start: u32, len: u32| {
        let mut world = world(Table::Always);
        world.protect(&[(12288, 4096, true), (20480, 4096, false)]);
        for (at, value) in [(16388, case), (16392, start), (16396, len)] {
            assert_eq!(world.call("poke", &u32s(&[at, value])), FINE);
        }
        world.call("give-some", &u32s(&[16384]))
    };
    assert_eq!(some(1, 20476, 2), Ended::load(20480));
    assert_eq!(some(1, 8, 1), Ended::load(8));
    let none = Val::Tuple(vec![Val::U8(0), Val::Option(None)]);
    assert_eq!(some(0, 8, 1), Ended::Returned(vec![none]));
    let list = Val::Option(Some(Box::new(Val::List(u32s(&[0])))));
    assert_eq!(some(1, 12288, 1), Ended::Returned(vec![Val::Tuple(vec![Val::U8(0), list])]), "that can be loaded");
}
