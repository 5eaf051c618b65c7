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

export function allocateFloats(xnn: XnnLibrary, count: number): NativeFloats {
  const memory = allocate(xnn, 4 * count)
  return { ...memory, data: new Float32Array(memory.data) }
}

/** As {@link NativeFloats}, of bytes. */
export interface NativeBytes {
  readonly pointer: Pointer
  readonly data: ArrayBuffer
  free(): void
}

export function allocate({ koffi }: XnnLibrary, bytes: number): NativeBytes {
  const pointer = koffi.alloc('uint8_t', bytes + readBehindBytes) as Pointer
  let freed = false
  return {
    pointer,
    data: koffi.view(pointer, bytes),
    free() {
      if (!freed) koffi.free(pointer)
      freed = true
    },
  }
}
