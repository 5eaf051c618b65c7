;; Planes of quantised values. A part of the module of kernels.wat.

;; Codes of planes (plane-coder.ts) as a rANS stream, written backwards from $out on: from the last down to number $from, which
;; begins a row. codes u8 of $channels planes, zeros u8 (the code of 0 of each), entries u32 of the final models, 1 << $bits to
;; a model; of each code the lower $rawBits are left out. The two states lie at $states and go on there. Returns the new end.
(func (export "encodePlanes") (param $codes i32) (param $from i32) (param $channels i32) (param $width i32) (param $height i32) (param $zeros i32) (param $entries i32) (param $bits i32) (param $rawBits i32) (param $out i32) (param $states i32) (result i32)
  (local $current i32) (local $other i32) (local $at i32) (local $x i32) (local $y i32) (local $left i32) (local $up i32) (local $zero i32) (local $entry i32) (local $frequency i32) (local $full i32) (local $quotient i32) (local $upper i32)
  (local.set $current (i32.load (local.get $states)))
  (local.set $other (i32.load offset=4 (local.get $states)))
  (local.set $at (i32.add (local.get $codes) (i32.mul (i32.mul (local.get $channels) (local.get $height)) (local.get $width))))
  (local.set $from (i32.add (local.get $codes) (local.get $from)))
  (block $done (loop $row
    (br_if $done (i32.le_u (local.get $at) (local.get $from)))
    (if (i32.eqz (local.get $y)) (then
      (local.set $y (local.get $height))
      (local.set $channels (i32.sub (local.get $channels) (i32.const 1)))
      (local.set $zero (i32.shr_u (i32.load8_u (i32.add (local.get $zeros) (local.get $channels))) (local.get $rawBits)))))
    (local.set $y (i32.sub (local.get $y) (i32.const 1)))
    ;; how far back the upper neighbour is; in the first row it is the left one
    (local.set $upper (select (local.get $width) (i32.const 1) (local.get $y)))
    (local.set $x (local.get $width))
    (loop $next
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (local.set $x (i32.sub (local.get $x) (i32.const 1)))
      (if (local.get $x) (then
        (local.set $left (i32.shr_u (i32.load8_u (i32.sub (local.get $at) (i32.const 1))) (local.get $rawBits)))
        (local.set $up (i32.shr_u (i32.load8_u (i32.sub (local.get $at) (local.get $upper))) (local.get $rawBits))))
      (else
        (local.set $left (local.get $zero))
        (if (local.get $y) (then (local.set $left (i32.shr_u (i32.load8_u (i32.sub (local.get $at) (local.get $width))) (local.get $rawBits)))))
        (local.set $up (local.get $left))))
      (local.set $entry (i32.load (i32.add (local.get $entries) (i32.shl (i32.add
        (i32.shl (i32.add (local.get $left) (local.get $up)) (local.get $bits))
        (i32.shr_u (i32.load8_u (local.get $at)) (local.get $rawBits))) (i32.const 2)))))
      (local.set $frequency (i32.shr_u (local.get $entry) (i32.const 16)))
      (i32.store8 (i32.sub (local.get $out) (i32.const 1)) (local.get $current))
      (i32.store8 (i32.sub (local.get $out) (i32.const 2)) (i32.shr_u (local.get $current) (i32.const 8)))
      (local.set $full (i32.ge_u (local.get $current) (i32.shl (local.get $frequency) (i32.const 19))))
      (local.set $out (i32.sub (local.get $out) (i32.shl (local.get $full) (i32.const 1))))
      (local.set $current (i32.shr_u (local.get $current) (i32.shl (local.get $full) (i32.const 4))))
      (local.set $quotient (i32.div_u (local.get $current) (local.get $frequency)))
      (local.set $quotient (i32.add (i32.shl (local.get $quotient) (i32.const 12)) (i32.add
        (i32.sub (local.get $current) (i32.mul (local.get $quotient) (local.get $frequency)))
        (i32.and (local.get $entry) (i32.const 0xffff)))))
      (local.set $current (local.get $other))
      (local.set $other (local.get $quotient))
      (br_if $next (local.get $x)))
    (br $row)))
  (i32.store (local.get $states) (local.get $current))
  (i32.store offset=4 (local.get $states) (local.get $other))
  (local.get $out))

;; What encodePlanes wrote: codes from number $from on, which begins a row; those before are there. firsts u8: the symbol of
;; every eighth of a model's 4096 slots. The stream goes on at $at and ends at $end. Returns where it stands, 0 where it ended.
(func (export "decodePlanes") (param $codes i32) (param $from i32) (param $channels i32) (param $width i32) (param $height i32) (param $zeros i32) (param $entries i32) (param $firsts i32) (param $bits i32) (param $rawBits i32) (param $at i32) (param $end i32) (param $states i32) (result i32)
  (local $current i32) (local $other i32) (local $to i32) (local $last i32) (local $x i32) (local $y i32) (local $left i32) (local $up i32) (local $context i32) (local $low i32) (local $symbol i32) (local $within i32) (local $table i32) (local $entry i32) (local $renewed i32)
  (local.set $current (i32.load (local.get $states)))
  (local.set $other (i32.load offset=4 (local.get $states)))
  (local.set $to (i32.add (local.get $codes) (local.get $from)))
  (local.set $last (i32.add (local.get $codes) (i32.mul (i32.mul (local.get $channels) (local.get $height)) (local.get $width))))
  (local.set $y (i32.rem_u (i32.div_u (local.get $from) (local.get $width)) (local.get $height)))
  (local.set $zeros (i32.add (local.get $zeros) (i32.div_u (i32.div_u (local.get $from) (local.get $width)) (local.get $height))))
  (block $done (loop $row
    (br_if $done (i32.ge_u (local.get $to) (local.get $last)))
    (local.set $left (i32.shr_u (i32.load8_u (select (i32.sub (local.get $to) (local.get $width)) (local.get $zeros) (local.get $y))) (local.get $rawBits)))
    (local.set $x (local.get $width))
    (loop $next
      (local.set $up (local.get $left))
      (if (local.get $y) (then (local.set $up (i32.shr_u (i32.load8_u (i32.sub (local.get $to) (local.get $width))) (local.get $rawBits)))))
      (local.set $context (i32.add (local.get $left) (local.get $up)))
      (local.set $low (i32.and (local.get $current) (i32.const 4095)))
      (local.set $symbol (i32.load8_u (i32.add (local.get $firsts) (i32.add (i32.shl (local.get $context) (i32.const 9)) (i32.shr_u (local.get $low) (i32.const 3))))))
      (local.set $table (i32.add (local.get $entries) (i32.shl (local.get $context) (i32.add (local.get $bits) (i32.const 2)))))
      (loop $later
        (local.set $entry (i32.load (i32.add (local.get $table) (i32.shl (local.get $symbol) (i32.const 2)))))
        (local.set $within (i32.sub (local.get $low) (i32.and (local.get $entry) (i32.const 0xffff))))
        (if (i32.ge_u (local.get $within) (i32.shr_u (local.get $entry) (i32.const 16))) (then
          (local.set $symbol (i32.add (local.get $symbol) (i32.const 1)))
          (br $later))))
      (local.set $renewed (i32.add (i32.mul (i32.shr_u (local.get $entry) (i32.const 16)) (i32.shr_u (local.get $current) (i32.const 12))) (local.get $within)))
      (if (i32.lt_u (local.get $renewed) (i32.const 32768)) (then
        (if (i32.gt_u (i32.add (local.get $at) (i32.const 2)) (local.get $end)) (then (return (i32.const 0))))
        (local.set $renewed (i32.or (i32.shl (local.get $renewed) (i32.const 16))
          (i32.or (i32.shl (i32.load8_u (local.get $at)) (i32.const 8)) (i32.load8_u offset=1 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 2)))))
      (local.set $current (local.get $other))
      (local.set $other (local.get $renewed))
      (i32.store8 (local.get $to) (i32.shl (local.get $symbol) (local.get $rawBits)))
      (local.set $left (local.get $symbol))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (local.set $x (i32.sub (local.get $x) (i32.const 1)))
      (br_if $next (local.get $x)))
    (local.set $y (i32.add (local.get $y) (i32.const 1)))
    (if (i32.eq (local.get $y) (local.get $height)) (then
      (local.set $y (i32.const 0))
      (local.set $zeros (i32.add (local.get $zeros) (i32.const 1)))))
    (br $row)))
  (i32.store (local.get $states) (local.get $current))
  (i32.store offset=4 (local.get $states) (local.get $other))
  (local.get $at))

;; The least and the largest of values f32 (whole fours) and 0, both 0 where one is not finite: two floats at $out.
(func (export "extremes") (param $at i32) (param $n i32) (param $out i32)
  (local $end i32) (local $v v128) (local $least v128) (local $most v128) (local $sum v128)
  (local.set $end (i32.add (local.get $at) (i32.shl (local.get $n) (i32.const 2))))
  (loop $next
    (local.set $v (v128.load (local.get $at)))
    (local.set $least (f32x4.min (local.get $least) (local.get $v)))
    (local.set $most (f32x4.max (local.get $most) (local.get $v)))
    (local.set $sum (f32x4.add (local.get $sum) (f32x4.mul (local.get $v) (v128.const f32x4 0 0 0 0))))
    (local.set $at (i32.add (local.get $at) (i32.const 16)))
    (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
  (if (i32x4.all_true (f32x4.eq (local.get $sum) (local.get $sum))) (then
    (f32.store (local.get $out) (f32.min
      (f32.min (f32x4.extract_lane 0 (local.get $least)) (f32x4.extract_lane 1 (local.get $least)))
      (f32.min (f32x4.extract_lane 2 (local.get $least)) (f32x4.extract_lane 3 (local.get $least)))))
    (f32.store offset=4 (local.get $out) (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $most)) (f32x4.extract_lane 1 (local.get $most)))
      (f32.max (f32x4.extract_lane 2 (local.get $most)) (f32x4.extract_lane 3 (local.get $most))))))
  (else (i64.store (local.get $out) (i64.const 0)))))

;; Codes u8 of values f32, both in whole fours: value times $inverse and $offset (which rounds), from 0 to $top.
(func (export "quantise") (param $at i32) (param $codes i32) (param $n i32) (param $inverse f32) (param $offset f32) (param $top f32)
  (local $end i32) (local $v v128)
  (local.set $end (i32.add (local.get $at) (i32.shl (local.get $n) (i32.const 2))))
  (loop $next
    (local.set $v (f32x4.add (f32x4.mul (v128.load (local.get $at)) (f32x4.splat (local.get $inverse))) (f32x4.splat (local.get $offset))))
    (local.set $v (i32x4.trunc_sat_f32x4_s (f32x4.pmin (f32x4.splat (local.get $top)) (f32x4.pmax (v128.const f32x4 0 0 0 0) (local.get $v)))))
    (local.set $v (i16x8.narrow_i32x4_u (local.get $v) (local.get $v)))
    (v128.store32_lane 0 (local.get $codes) (i8x16.narrow_i16x8_u (local.get $v) (local.get $v)))
    (local.set $codes (i32.add (local.get $codes) (i32.const 4)))
    (local.set $at (i32.add (local.get $at) (i32.const 16)))
    (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))
