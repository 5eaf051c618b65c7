import type { Pointer } from './foreign-functions.ts'
import type { XnnLibrary } from './library.ts'

/** XNNPACK's kernels may read that far behind the end of what they are given. */
const readBehindBytes = 16

/** Float32 values outside V8's heap, which stay where they are until they are freed. */
export interface NativeFloats {
  readonly pointer: Pointer
  /** Must not be touched after {@link free}: the memory is somebody else's then. */
  readonly data: Float32Array<ArrayBuffer>
  /** Safe to repeat. */
  free(): void
}

export function allocateFloats({ koffi }: XnnLibrary, count: number): NativeFloats {
  const pointer = koffi.alloc('uint8_t', count * 4 + readBehindBytes) as Pointer
  let freed = false
  return {
    pointer,
    data: new Float32Array(koffi.view(pointer, count * 4)),
    free() {
      if (!freed) koffi.free(pointer)
      freed = true
    },
  }
}
