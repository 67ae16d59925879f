;; The bare firmware's guest: hands the host a list, adds what it answers.
(component
  (import "host:io/sink" (instance $sink
    (export "put" (func (param "data" (list u8)) (result u32)))))
  (core module $libc
    (memory (export "memory") 4096 4096 (pagesize 1))
    (global $bump (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $r i32)
      (local.set $r (global.get $bump))
      (global.set $bump (i32.and (i32.add (i32.add (global.get $bump) (local.get 3)) (i32.const 7)) (i32.const -8)))
      (local.get $r)))
  (core module $m
    (import "libc" "memory" (memory 4096 4096 (pagesize 1)))
    (import "host" "put" (func $put (param i32 i32) (result i32)))
    (data (i32.const 64) "a list from a bare component")
    (func (export "run") (param i32) (result i32)
      (i32.add (local.get 0) (call $put (i32.const 64) (i32.const 28)))))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $mem))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $put (canon lower (func $sink "put") (memory $mem) (realloc $realloc)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance (export "put" (func $put))))))
  (func $run (param "x" u32) (result u32)
    (canon lift (core func $i "run")))
  (export "run" (func $run))
)
