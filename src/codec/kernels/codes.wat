;; Codes to bytes and back. A part of the module of kernels.wat.

;; Codes as a rANS stream (rans.ts), written backwards from $out on. codes i32, tables u8 of the models, shifts u8,
;; entries u32 (32 to a table). Raw bits are listed at $raw, the last first: their number, then (bits << 16 | value) each.
;; Returns where the stream begins.
(func (export "encodeCodes") (param $codes i32) (param $tables i32) (param $shifts i32) (param $entries i32) (param $n i32) (param $out i32) (param $raw i32) (result i32)
  (local $current i32) (local $other i32) (local $code i32) (local $shift i32) (local $symbol i32) (local $entry i32) (local $frequency i32) (local $full i32) (local $rawAt i32)
  (local.set $current (i32.const 32768))
  (local.set $other (i32.const 32768))
  (local.set $rawAt (i32.add (local.get $raw) (i32.const 4)))
  (block $done (loop $next
    (br_if $done (i32.eqz (local.get $n)))
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    (local.set $code (i32.load (i32.add (local.get $codes) (i32.shl (local.get $n) (i32.const 2)))))
    (local.set $shift (i32.load8_u (i32.add (local.get $shifts) (local.get $n))))
    (local.set $symbol (i32.add (i32.shr_s (local.get $code) (local.get $shift)) (i32.const 16)))
    (if (i32.ge_u (i32.sub (local.get $symbol) (i32.const 1)) (i32.const 31)) (then
      (local.set $symbol (i32.const 0))
      (i32.store (local.get $rawAt) (i32.or (i32.const 0x100000) (i32.and (local.get $code) (i32.const 0xffff))))
      (local.set $rawAt (i32.add (local.get $rawAt) (i32.const 4))))
    (else (if (local.get $shift) (then
      (i32.store (local.get $rawAt) (i32.or (i32.shl (local.get $shift) (i32.const 16))
        (i32.and (local.get $code) (i32.sub (i32.shl (i32.const 1) (local.get $shift)) (i32.const 1)))))
      (local.set $rawAt (i32.add (local.get $rawAt) (i32.const 4)))))))
    (local.set $entry (i32.load (i32.add (local.get $entries) (i32.add
      (i32.shl (i32.load8_u (i32.add (local.get $tables) (local.get $n))) (i32.const 7))
      (i32.shl (local.get $symbol) (i32.const 2))))))
    (local.set $frequency (i32.shr_u (local.get $entry) (i32.const 16)))
    (i32.store8 (i32.sub (local.get $out) (i32.const 1)) (local.get $current))
    (i32.store8 (i32.sub (local.get $out) (i32.const 2)) (i32.shr_u (local.get $current) (i32.const 8)))
    (local.set $full (i32.ge_u (local.get $current) (i32.shl (local.get $frequency) (i32.const 19))))
    (local.set $out (i32.sub (local.get $out) (i32.shl (local.get $full) (i32.const 1))))
    (local.set $current (i32.shr_u (local.get $current) (i32.shl (local.get $full) (i32.const 4))))
    (local.set $code (i32.div_u (local.get $current) (local.get $frequency)))
    (local.set $code (i32.add (i32.shl (local.get $code) (i32.const 12)) (i32.add
      (i32.sub (local.get $current) (i32.mul (local.get $code) (local.get $frequency)))
      (i32.and (local.get $entry) (i32.const 0xffff)))))
    (local.set $current (local.get $other))
    (local.set $other (local.get $code))
    (br $next)))
  (i32.store (local.get $raw) (i32.shr_u (i32.sub (local.get $rawAt) (i32.add (local.get $raw) (i32.const 4))) (i32.const 2)))
  (local.set $out (i32.sub (local.get $out) (i32.const 8)))
  (i32.store (local.get $out) (local.get $other))
  (i32.store offset=4 (local.get $out) (local.get $current))
  (local.get $out))

;; Bits number $used and on of the bytes at $raw, 16 at most; four bytes more than those must be there.
(func $bits (param $raw i32) (param $used i32) (param $bits i32) (result i32)
  (i32.and
    (i32.shr_u (i32.load (i32.add (local.get $raw) (i32.shr_u (local.get $used) (i32.const 3)))) (i32.and (local.get $used) (i32.const 7)))
    (i32.sub (i32.shl (i32.const 1) (local.get $bits)) (i32.const 1))))

;; What encodeCodes and the raw bits after it say, as coefficients f32 at $c + places u32 (bytes). The stream at $at begins
;; with its states, ends at $end, raw bits at $rawEnd. firsts u16: 512 to a model, the symbol of every eighth slot in quantiser 0
;; and, in the upper byte, 1: what is looked up stays in the nearest cache, and the symbol is mostly that one. $trellis is 7, or 0 where there is one quantiser. Returns 0, 1 where the bytes end too early, 2 where damaged.
(func (export "decodeCodes") (param $at i32) (param $end i32) (param $rawEnd i32) (param $firsts i32) (param $entries i32) (param $contexts i32) (param $shifts i32) (param $steps i32) (param $places i32) (param $c i32) (param $n i32) (param $trellis i32) (result i32)
  (local $i i32) (local $i4 i32) (local $current i32) (local $other i32) (local $renewed i32) (local $low i32) (local $context i32) (local $symbol i32) (local $entry i32)
  (local $shift i32) (local $code i32) (local $state i32) (local $quantiser i32) (local $used i32) (local $rawBits i32) (local $value f32) (local $table i32) (local $within i32)
  (local.set $rawBits (i32.shl (i32.sub (local.get $rawEnd) (local.get $end)) (i32.const 3)))
  (local.set $current (i32.load (local.get $at)))
  (local.set $other (i32.load offset=4 (local.get $at)))
  (local.set $at (i32.add (local.get $at) (i32.const 8)))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
    (local.set $i4 (i32.shl (local.get $i) (i32.const 2)))
    (local.set $context (i32.load8_u (i32.add (local.get $contexts) (local.get $i))))
    (local.set $low (i32.and (local.get $current) (i32.const 4095)))
    (local.set $quantiser (i32.and (local.get $state) (i32.const 1)))
    (local.set $symbol (i32.and (i32.const 255) (i32.shr_u
      (i32.load16_u (i32.add (local.get $firsts) (i32.add (i32.shl (local.get $context) (i32.const 9)) (i32.shl (i32.shr_u (local.get $low) (i32.const 3)) (i32.const 1)))))
      (i32.shl (local.get $quantiser) (i32.const 3)))))
    (local.set $table (i32.add (local.get $entries) (i32.shl (i32.add (local.get $context) (local.get $quantiser)) (i32.const 7))))
    (loop $later
      (local.set $entry (i32.load (i32.add (local.get $table) (i32.shl (local.get $symbol) (i32.const 2)))))
      (local.set $within (i32.sub (local.get $low) (i32.and (local.get $entry) (i32.const 0xffff))))
      (if (i32.ge_u (local.get $within) (i32.shr_u (local.get $entry) (i32.const 16))) (then
        (local.set $symbol (i32.add (local.get $symbol) (i32.const 1)))
        (br $later))))
    (local.set $renewed (i32.add
      (i32.mul (i32.shr_u (local.get $entry) (i32.const 16)) (i32.shr_u (local.get $current) (i32.const 12)))
      (local.get $within)))
    (if (i32.lt_u (local.get $renewed) (i32.const 32768)) (then
      (if (i32.gt_u (i32.add (local.get $at) (i32.const 2)) (local.get $end)) (then (return (i32.const 1))))
      (local.set $renewed (i32.or (i32.shl (local.get $renewed) (i32.const 16))
        (i32.or (i32.shl (i32.load8_u (local.get $at)) (i32.const 8)) (i32.load8_u offset=1 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))))
    (local.set $current (local.get $other))
    (local.set $other (local.get $renewed))
    (local.set $code (i32.sub (local.get $symbol) (i32.const 16)))
    (local.set $shift (select (i32.const 16) (i32.load8_u (i32.add (local.get $shifts) (local.get $i))) (i32.eqz (local.get $symbol))))
    (if (local.get $shift) (then
      (if (i32.gt_u (i32.add (local.get $used) (local.get $shift)) (local.get $rawBits)) (then (return (i32.const 1))))
      (local.set $code (i32.or (i32.shl (local.get $code) (local.get $shift)) (call $bits (local.get $end) (local.get $used) (local.get $shift))))
      (if (i32.eqz (local.get $symbol)) (then (local.set $code (i32.extend16_s (local.get $code)))))
      (local.set $used (i32.add (local.get $used) (local.get $shift)))))
    (local.set $value (f32.convert_i32_s (local.get $code)))
    (local.set $value (f32.mul
      (f32.sub (local.get $value) (f32.copysign (select (f32.const 0.5) (f32.const 0) (local.get $quantiser)) (local.get $value)))
      (f32.load (i32.add (local.get $steps) (local.get $i4)))))
    (f32.store (i32.add (local.get $c) (i32.load (i32.add (local.get $places) (local.get $i4))))
      (select (local.get $value) (f32.const 0) (local.get $code)))
    (local.set $state (i32.and (local.get $trellis) (i32.xor
      (i32.xor (i32.shr_u (local.get $state) (i32.const 1)) (select (i32.const 5) (i32.const 0) (local.get $quantiser)))
      (i32.shl (i32.and (local.get $code) (i32.const 1)) (i32.const 1)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (select (i32.const 0) (i32.const 2) (i32.and
    (i32.and (i32.eq (local.get $current) (i32.const 32768)) (i32.eq (local.get $other) (i32.const 32768)))
    (i32.and (i32.eq (local.get $at) (local.get $end))
      (i32.eq (i32.shr_u (i32.add (local.get $used) (i32.const 7)) (i32.const 3)) (i32.sub (local.get $rawEnd) (local.get $end)))))))
