  ;; What a component says to import memory control: the functions that the hostile guest calls.
  (import "wasi:memory-control/object@0.1.0-draft" (instance $object
    (type $codes (enum "alignment" "bounds" "overlap" "access" "not-found" "stale" "quota" "unsupported" "busy"
      "out-of-memory" "io" "timed-out" "deadlock"))
    (export "error-code" (type $error-code (eq $codes)))
    (export "object" (type $object (sub resource)))
    (export "[static]object.anonymous"
      (func (param "len" u64) (result (result (own $object) (error $error-code)))))
    (export "[static]object.open"
      (func (param "name" string) (result (result (own $object) (error $error-code)))))
    (export "[method]object.len"
      (func (param "self" (borrow $object)) (result (result u64 (error $error-code)))))))
  (alias export $object "object" (type $object-type))
  (import "wasi:memory-control/mapping@0.1.0-draft" (instance $mapping
    (alias outer 1 $object-type (type $object))
    (type $codes (enum "alignment" "bounds" "overlap" "access" "not-found" "stale" "quota" "unsupported" "busy"
      "out-of-memory" "io" "timed-out" "deadlock"))
    (export "error-code" (type $error-code (eq $codes)))
    (type $windows (record (field "memory" (list u8)) (field "start" u64) (field "len" u64)))
    (export "window" (type $window (eq $windows)))
    (type $protections (enum "none" "read" "read-write"))
    (export "protection" (type $protection (eq $protections)))
    (type $sharings (enum "shared" "private"))
    (export "sharing" (type $sharing (eq $sharings)))
    (type $coherences (enum "automatic" "leased" "aliasing"))
    (export "coherence" (type $coherence (eq $coherences)))
    (type $accesses (enum "read" "write"))
    (export "access" (type $access (eq $accesses)))
    (type $map-flag-names (flags "populate" "past-end"))
    (export "map-flags" (type $map-flags (eq $map-flag-names)))
    (type $options (record (field "offset" u64) (field "protection" $protection) (field "sharing" $sharing)
      (field "coherence" $coherence) (field "flags" $map-flags)))
    (export "map-options" (type $map-options (eq $options)))
    (export "mapping" (type $mapping (sub resource)))
    (export "lease" (type $lease (sub resource)))
    (export "[static]mapping.map"
      (func (param "window" $window) (param "object" (borrow $object)) (param "options" $map-options)
        (result (result (own $mapping) (error $error-code)))))
    (export "[method]mapping.publish"
      (func (param "self" (borrow $mapping)) (param "part" $window) (result (result (error $error-code)))))
    (export "[method]mapping.refresh"
      (func (param "self" (borrow $mapping)) (param "part" $window) (result (result (error $error-code)))))
    (export "[method]mapping.sync"
      (func (param "self" (borrow $mapping)) (param "part" $window) (result (result (error $error-code)))))
    (export "[method]mapping.unmap"
      (func (param "self" (borrow $mapping)) (param "window" $window) (result (result (error $error-code)))))
    (export "[method]mapping.acquire"
      (func (param "self" (borrow $mapping)) (param "part" $window) (param "access" $access)
        (result (result (own $lease) (error $error-code)))))
    (export "[static]lease.release"
      (func (param "lease" (own $lease)) (param "part" $window) (result (result (error $error-code)))))))
  (alias export $mapping "mapping" (type $mapping-type))
  (alias export $mapping "lease" (type $lease-type))
