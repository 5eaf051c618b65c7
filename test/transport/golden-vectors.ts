import { readFileSync } from 'node:fs'
import type { Frame } from '../../src/transport/frame-content.ts'
import { repositoryRoot } from '../paths.ts'

/** Frames and their bytes, written by an independent program from the documented layout. Byte strings are in hex. */
export function goldenVectors<T>(name: string): T[] {
  return JSON.parse(
    readFileSync(new URL(`test/transport/golden/${name}.json`, repositoryRoot), 'utf8'),
  ) as T[]
}

type GoldenPart = string | { readonly shape: readonly number[]; readonly bytes: string }
type GoldenFrame = {
  readonly kind: Frame['kind']
  readonly parts?: readonly GoldenPart[]
  readonly card?: string
}

export function goldenFrames(): { frame: Frame; bytes: Uint8Array }[] {
  return ['request', 'result', 'failure', 'cancel', 'describe', 'description']
    .flatMap((kind) => goldenVectors<{ frame: GoldenFrame; hex: string }>(kind))
    .map(({ frame, hex }) => {
      const parts = frame.parts?.map((part) =>
        typeof part === 'string' ? fromHex(part) : { ...part, bytes: fromHex(part.bytes) },
      )
      const card = frame.card === undefined ? {} : { card: fromHex(frame.card) }
      return { frame: { ...frame, ...(parts && { parts }), ...card } as Frame, bytes: fromHex(hex) }
    })
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
