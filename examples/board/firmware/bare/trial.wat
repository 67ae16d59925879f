;; A guest that counts its turns, and pokes where it is told to.
(component
  (import "memctl:board/test" (instance $test
    (export "poke" (func (param "address" u32)))))
  (core func $poke (canon lower (func $test "poke")))
  (core module $m
    (import "test" "poke" (func $poke (param i32)))
    (memory (export "memory") 4096 4096 (pagesize 1))
    (func (export "run") (param $address i32) (result i32)
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
      (if (local.get $address) (then (call $poke (local.get $address))))
      (i32.load (i32.const 64))))
  (core instance $i (instantiate $m (with "test" (instance (export "poke" (func $poke))))))
  (func $run (param "address" u32) (result u32) (canon lift (core func $i "run")))
  (export "run" (func $run))
)
