import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ChunkAssembler } from '../../src/transport/chunk-assembler.ts'
import {
  ChunkError,
  type ChunkErrorCode,
  readChunkHeader,
  splitIntoChunks,
} from '../../src/transport/chunks.ts'
import { fromHex, goldenVectors } from './golden-vectors.ts'

const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')
const filled = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 7) & 255)

function codeOf(run: () => unknown): ChunkErrorCode | 'none' {
  try {
    run()
    return 'none'
  } catch (error) {
    if (error instanceof ChunkError) return error.code
    throw error
  }
}

describe('splitIntoChunks', () => {
  it('matches the golden vectors', () => {
    type Vector = { frame: string; chunkBytes: number; singleBytes: number; chunks: string[] }
    for (const { frame, chunks, ...options } of goldenVectors<Vector>('chunks')) {
      expect(splitIntoChunks(fromHex(frame), options).map(hex)).toEqual(chunks)
    }
  })

  it('sends up to 48 KiB as one chunk and more in slices of at most 32 KiB', () => {
    expect(splitIntoChunks(new Uint8Array(48 * 1024))).toHaveLength(1)
    expect(splitIntoChunks(new Uint8Array(48 * 1024 + 1)).map((chunk) => chunk.length - 10)).toEqual([
      24577, 24576,
    ])
    const sizes = splitIntoChunks(new Uint8Array(1_000_000)).map((chunk) => chunk.length - 10)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32 * 1024)
    expect(() => splitIntoChunks(new Uint8Array(0))).toThrow(RangeError)
    expect(() => splitIntoChunks(new Uint8Array(65536), { chunkBytes: 1, singleBytes: 1 })).toThrow(
      RangeError,
    )
    expect(() => splitIntoChunks(new Uint8Array(9), { chunkBytes: 0 })).toThrow(RangeError)
  })
})

describe('ChunkAssembler', () => {
  it('gives every frame exactly once for any sizes, order, duplicates and interleaving', () => {
    const transfers = fc.array(
      fc.record({ length: fc.integer({ min: 1, max: 300 }), chunkBytes: fc.integer({ min: 1, max: 64 }) }),
      {
        minLength: 1,
        maxLength: 8,
      },
    )
    fc.assert(
      fc.property(
        transfers,
        fc.infiniteStream(fc.nat()),
        fc.infiniteStream(fc.nat(3)),
        (list, order, copies) => {
          const frames = list.map(({ length }, i) => filled(length, i))
          const messages = list.flatMap(({ chunkBytes }, i) =>
            splitIntoChunks(frames[i]!, { chunkBytes, singleBytes: 8 }).flatMap((chunk) =>
              Array.from({ length: 1 + Number(copies.next().value === 0) }, () => ({
                key: `${i}`,
                chunk,
                rank: order.next().value,
              })),
            ),
          )
          const assembler = new ChunkAssembler({ minSliceBytes: 1 })
          const done = messages
            .toSorted((a, b) => a.rank - b.rank)
            .flatMap(({ key, chunk }) => {
              const frame = assembler.accept(key, chunk, 0)
              return frame ? [[key, hex(frame)] as const] : []
            })
          expect(done).toHaveLength(frames.length)
          expect(new Map(done)).toEqual(new Map(frames.map((frame, i) => [`${i}`, hex(frame)])))
          expect(assembler.pending).toEqual({ transfers: 0, bytes: 0 })
        },
      ),
      { numRuns: 500 },
    )
  })

  it('refuses what is no chunk or contradicts the transfer, which still completes', () => {
    const [first, second, third] = splitIntoChunks(filled(3000, 1), { chunkBytes: 1000, singleBytes: 0 })
    const assembler = new ChunkAssembler({
      minSliceBytes: 1000,
      maxTransferBytes: 3000,
      maxBufferedBytes: 3000,
    })
    expect(assembler.accept('k', first!, 0)).toBeUndefined()
    const patched = (at: number, ...values: number[]) => {
      const bytes = second!.slice()
      bytes.set(values, at)
      return bytes
    }
    const bad: [Uint8Array, ChunkErrorCode][] = [
      [new Uint8Array(2), 'length'],
      [Uint8Array.of(0x43, 2, ...Array(8).fill(0)), 'length'],
      [patched(0, 0), 'magic'],
      [patched(1, 1), 'version'],
      [patched(1, 0x83), 'version'],
      [patched(2, 3), 'length'],
      [patched(4, 0), 'length'],
      [patched(4, 1), 'length'],
      [patched(4, 2), 'length'],
      [patched(6, 0xb9), 'length'],
      [patched(6, 0, 0, 0, 0), 'length'],
      [patched(1, 0x82), 'inconsistent'],
      [second!.subarray(0, 1000), 'length'],
      [splitIntoChunks(filled(2999, 1), { chunkBytes: 1000, singleBytes: 0 })[0]!, 'inconsistent'],
      [splitIntoChunks(filled(3000, 1), { chunkBytes: 1500, singleBytes: 0 })[0]!, 'inconsistent'],
      [splitIntoChunks(filled(3001, 1), { chunkBytes: 1500, singleBytes: 0 })[0]!, 'limit'],
      [splitIntoChunks(filled(3000, 1), { chunkBytes: 999, singleBytes: 0 })[0]!, 'limit'],
    ]
    for (const [chunk, code] of bad) expect(codeOf(() => assembler.accept('k', chunk, 0))).toBe(code)
    // 10 bytes in 7 slices of 2 would leave the last slices empty.
    const header = fromHex('4302040007000a0000000000')
    expect(codeOf(() => readChunkHeader(header))).toBe('length')
    expect(assembler.accept('k', third!, 0)).toBeUndefined()
    expect(hex(assembler.accept('k', second!, 0))).toBe(hex(filled(3000, 1)))
  })

  it('holds its limits by giving up the oldest, and never counts a claim as bytes', () => {
    const chunksOf = (seed: number) =>
      splitIntoChunks(filled(4000, seed), { chunkBytes: 1000, singleBytes: 0 })
    const assembler = new ChunkAssembler({ maxTransfers: 3, maxTransferBytes: 4000, maxBufferedBytes: 5000 })
    const small = { minSliceBytes: 1000 }
    const limited = new ChunkAssembler({
      ...small,
      maxTransfers: 3,
      maxTransferBytes: 4000,
      maxBufferedBytes: 5000,
    })
    expect(codeOf(() => assembler.accept('a', chunksOf(0)[0]!, 0))).toBe('limit')
    for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) limited.accept(key, chunksOf(i)[0]!, i)
    expect(limited.pending).toEqual({ transfers: 3, bytes: 3000 })
    for (const index of [1, 2]) limited.accept('b', chunksOf(1)[index]!, 5)
    expect(limited.pending).toEqual({ transfers: 3, bytes: 5000 })
    // One more of the newest: the oldest, b, goes although it was nearly done.
    limited.accept('d', chunksOf(3)[1]!, 6)
    expect(limited.pending).toEqual({ transfers: 2, bytes: 3000 })
    expect(limited.accept('b', chunksOf(1)[3]!, 6)).toBeUndefined()
    for (const index of [2, 3]) limited.accept('c', chunksOf(2)[index]!, 6)
    expect(() => new ChunkAssembler({ maxTransferBytes: 9, maxBufferedBytes: 8 })).toThrow(RangeError)
  })

  it('where there is no room, whoever holds most gives way', () => {
    const chunksOf = (seed: number) =>
      splitIntoChunks(filled(4000, seed), { chunkBytes: 1000, singleBytes: 0 })
    const limits = { minSliceBytes: 1000, maxTransferBytes: 4000, maxBufferedBytes: 5000 }
    const assembler = new ChunkAssembler(limits)
    const quiet = chunksOf(0)
    assembler.accept('quiet', quiet[0]!, 0, 'a')
    for (let n = 0; n < 20; n++) assembler.accept(`flood ${n}`, chunksOf(n)[0]!, n, 'b')
    expect(assembler.pending.bytes).toBeLessThanOrEqual(5000)
    for (const chunk of quiet.slice(1, 3)) expect(assembler.accept('quiet', chunk, 30, 'a')).toBeUndefined()
    expect(hex(assembler.accept('quiet', quiet[3]!, 30, 'a'))).toBe(hex(filled(4000, 0)))
  })

  it('keeps nothing of a transfer that is not wanted or is given up', () => {
    const [first, second, third] = splitIntoChunks(filled(3000, 1), { chunkBytes: 1000, singleBytes: 0 })
    const seen: number[] = []
    const assembler = new ChunkAssembler({ minSliceBytes: 1000 }, (head, totalBytes) => {
      seen.push(totalBytes)
      if (hex(head) === hex(filled(3000, 1).subarray(0, 1000))) throw new RangeError('not that one')
    })
    // In any order.
    assembler.accept('k', second!, 0)
    expect(() => assembler.accept('k', first!, 0)).toThrow('not that one')
    expect(seen).toEqual([3000])
    expect(assembler.pending).toEqual({ transfers: 0, bytes: 0 })
    expect(assembler.accept('k', third!, 0)).toBeUndefined()
    expect(assembler.pending).toEqual({ transfers: 0, bytes: 0 })
    assembler.accept('other', second!, 0)
    assembler.giveUp('other', 0)
    assembler.accept('other', third!, 0)
    expect(assembler.pending).toEqual({ transfers: 0, bytes: 0 })
  })

  it('forgets transfers by age, and finished ones too', () => {
    const assembler = new ChunkAssembler({ maxAgeMs: 100, minSliceBytes: 1 })
    const [first, second] = splitIntoChunks(filled(20, 1), { chunkBytes: 10, singleBytes: 0 })
    assembler.accept('a', first!, 0)
    expect(assembler.expire(100)).toBe(0)
    expect(assembler.expire(101)).toBe(1)
    expect(assembler.pending).toEqual({ transfers: 0, bytes: 0 })
    assembler.accept('a', first!, 200)
    expect(hex(assembler.accept('a', second!, 250))).toBe(hex(filled(20, 1)))
    expect(assembler.accept('a', second!, 350)).toBeUndefined()
    expect(assembler.pending.transfers).toBe(0)
    assembler.accept('a', second!, 351)
    expect(hex(assembler.accept('a', first!, 351))).toBe(hex(filled(20, 1)))
  })

  it('throws nothing but ChunkError for mutated chunks, and stays within its limits', () => {
    const assembler = new ChunkAssembler({
      minSliceBytes: 4,
      maxTransferBytes: 300,
      maxBufferedBytes: 600,
      maxTransfers: 4,
    })
    const chunks = splitIntoChunks(filled(100, 3), { chunkBytes: 16, singleBytes: 0 })
    fc.assert(
      fc.property(
        fc.nat(6),
        fc.array(fc.tuple(fc.nat(15), fc.nat(255)), { maxLength: 3 }),
        fc.nat(20),
        (which, hits, key) => {
          const chunk = chunks[which]!.slice()
          for (const [at, value] of hits) chunk[at] = value
          codeOf(() => assembler.accept(`${key}`, chunk, 0))
          expect(assembler.pending.transfers).toBeLessThanOrEqual(4)
          expect(assembler.pending.bytes).toBeLessThanOrEqual(600)
        },
      ),
      { numRuns: 20_000 },
    )
  })
})
