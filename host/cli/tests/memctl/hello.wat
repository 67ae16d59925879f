;; A command that prints a line, with what firmware on a board has, and a memory of 4 KiB in pages of one byte.
(component
  (import "wasi:io/error@0.2.6" (instance $error (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-t))
  (import "wasi:io/streams@0.2.6" (instance $streams
    (export "output-stream" (type $out (sub resource)))
    (alias outer 1 $error-t (type $e))
    (export "error" (type $err (eq $e)))
    (type $stream-error (variant (case "last-operation-failed" (own $err)) (case "closed")))
    (export "stream-error" (type $se (eq $stream-error)))
    (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $out)) (param "contents" (list u8)) (result (result (error $se)))))))
  (alias export $streams "output-stream" (type $stream))
  (import "wasi:cli/stdout@0.2.6" (instance $stdout
    (alias outer 1 $stream (type $s))
    (export "output-stream" (type $out (eq $s)))
    (export "get-stdout" (func (result (own $out))))))
  (core module $libc
    (memory (export "memory") 4096 4096 (pagesize 1))
    (data (i32.const 64) "hello from a component\0a"))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $mem))
  (core func $get (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $mem)))
  (core func $drop (canon resource.drop $stream))
  (core module $m
    (import "host" "get" (func $get (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "drop" (func $drop (param i32)))
    (func (export "run") (result i32) (local $s i32)
      (local.set $s (call $get))
      (call $write (local.get $s) (i32.const 64) (i32.const 23) (i32.const 128))
      (call $drop (local.get $s))
      (i32.const 0)))
  (core instance $i (instantiate $m (with "host" (instance
    (export "get" (func $get)) (export "write" (func $write)) (export "drop" (func $drop))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (component $face (import "run" (func $r (result (result)))) (export "run" (func $r)))
  (instance $iface (instantiate $face (with "run" (func $run))))
  (export "wasi:cli/run@0.2.6" (instance $iface)))
