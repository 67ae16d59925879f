;; What a guest of the soak does with its memory. memctl adds to it every function of the interface, passed on under its own name, and
;; replaces PAGES, LIMIT (of the memory, in wasm pages) and STAGE (a granule of room that no window lies in).
(module
  IMPORTS
  (import "soak" "peek" (func $peek (param i32) (result i32)))
  (import "soak" "poke" (func $poke (param i32 i32)))
  (import "soak" "cross" (func $cross (param i64 i64) (result i32)))
  (import "soak" "alarm" (func $alarm))
  (import "soak" "end" (func $end))
  (memory (export "memory") PAGES LIMIT)
  EXPORTS
  (func (export "peek") (param i32) (result i32) (call $peek (local.get 0)))
  (func (export "poke") (param i32 i32) (call $poke (local.get 0) (local.get 1)))
  (func (export "cross") (param i64 i64) (result i32) (call $cross (local.get 0) (local.get 1)))
  (func (export "end") (call $end))

  ;; A number that stands for what the granules hold: each holds one word over and over, which is 0 or starts with the tag.
  ;; -1 if one holds several words, -2 if one has another tag.
  (func (export "look") (param $at i32) (param $len i32) (param $granule i32) (param $tag i64) (result i64)
    (local $end i32) (local $stop i32) (local $word i64) (local $sum i64)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (loop $granules
      (local.set $word (i64.load (local.get $at)))
      (if (i32.and
            (i64.ne (local.get $word) (i64.const 0))
            (i64.ne (i64.shr_u (local.get $word) (i64.const 48)) (local.get $tag)))
        (then (return (i64.const -2))))
      (local.set $stop (i32.add (local.get $at) (local.get $granule)))
      (loop $words
        (if (i64.ne (i64.load (local.get $at)) (local.get $word)) (then (return (i64.const -1))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $words (i32.lt_u (local.get $at) (local.get $stop))))
      (local.set $sum (i64.and
        (i64.add (i64.mul (local.get $sum) (i64.const 31)) (local.get $word))
        (i64.const 0x3fffffffffffffff)))
      (br_if $granules (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $sum))

  ;; Puts one word everywhere, by stores.
  (func $stamp (export "stamp") (param $at i32) (param $len i32) (param $word i64)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (loop $words
      (i64.store (local.get $at) (local.get $word))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $words (i32.lt_u (local.get $at) (local.get $end)))))

  ;; The same, by copies of a granule.
  (func (export "stamp-by-copy") (param $at i32) (param $len i32) (param $granule i32) (param $word i64)
    (local $end i32)
    (call $stamp (i32.const STAGE) (local.get $granule) (local.get $word))
    (local.set $end (i32.add (local.get $at) (local.get $len)))
    (loop $granules
      (memory.copy (local.get $at) (i32.const STAGE) (local.get $granule))
      (local.set $at (i32.add (local.get $at) (local.get $granule)))
      (br_if $granules (i32.lt_u (local.get $at) (local.get $end)))))

  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "crash") unreachable)
  (func (export "spin") (call $alarm) (loop $forever (br $forever))))
