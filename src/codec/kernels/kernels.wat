;; The kernels of the codecs in WebAssembly SIMD: the module of which the other files in this folder are the functions. `node
;; scripts/assemble-kernels.mjs` makes `kernel-bytes.ts` of them.
;; Nothing here depends on the machine: binary32, no fused operations, one order of adding, so that both ends of a
;; link compute the same bits.
(module
  (memory (import "surgeon" "memory") 1)
  ;; include products.wat
  ;; include quantisers.wat
  ;; include codes.wat
  ;; include planes.wat
)
