import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  failureCodes,
  readRequestHead,
} from '../../src/transport/frame.ts'
import { FrameError, type FrameErrorCode } from '../../src/transport/frame-error.ts'
import { goldenFrames } from './golden-vectors.ts'

const hash = '000102030405060708090a0b0c0d0e0f'
const request: Frame = { kind: 'request', modelHash: hash, wound: 'w', codec: 'c', timeLeftMs: 5, parts: [] }

const text = fc.string({ unit: 'binary', maxLength: 40 })
const milliseconds = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })
const parts = fc.uniqueArray(
  fc.record({
    name: text,
    shape: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 8 }),
    bytes: fc.uint8Array({ maxLength: 50 }),
  }),
  { maxLength: 6, selector: (part) => part.name },
)
const common = {
  modelHash: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((bytes) => Buffer.from(bytes).toString('hex')),
  wound: text,
  codec: text,
  parts,
}
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant('request' as const), ...common, timeLeftMs: milliseconds }),
  fc.record({
    kind: fc.constant('result' as const),
    ...common,
    queueMs: milliseconds,
    decodeMs: milliseconds,
    elapsedMs: milliseconds,
    shareMs: milliseconds,
  }),
  fc.record({
    kind: fc.constant('failure' as const),
    code: fc.constantFrom(...failureCodes.filter((code) => code !== 'overloaded')),
    message: text,
  }),
  fc.record({
    kind: fc.constant('failure' as const),
    code: fc.constant('overloaded' as const),
    waitMs: milliseconds,
    message: text,
  }),
  fc.record({ kind: fc.constant('cancel' as const), request: common.modelHash }),
)

function codeOf(run: () => unknown): FrameErrorCode | 'none' {
  try {
    run()
    return 'none'
  } catch (error) {
    if (error instanceof FrameError) return error.code
    throw error
  }
}

/** Undefined where it is refused. */
function headOf(bytes: Uint8Array): object | undefined {
  let head: object | undefined
  codeOf(() => {
    head = readRequestHead(bytes)
  })
  return head
}

describe('frame', () => {
  it('matches the golden vectors both ways', () => {
    const vectors = goldenFrames()
    expect(vectors.length).toBeGreaterThan(10)
    for (const { frame, bytes } of vectors) {
      expect(Buffer.from(encodeFrame(frame)).toString('hex')).toBe(Buffer.from(bytes).toString('hex'))
      expect(decodeFrame(bytes)).toEqual(frame)
    }
    const codes = vectors.flatMap(({ frame }) => (frame.kind === 'failure' ? [frame.code] : []))
    expect(new Set(codes)).toEqual(new Set(failureCodes))
  })

  it('survives the round trip, at any offset, its parts being views', () => {
    fc.assert(
      fc.property(frames, fc.nat(9), (frame, offset) => {
        const memory = Buffer.concat([Buffer.alloc(offset), encodeFrame(frame), Buffer.alloc(3)])
        const bytes = new Uint8Array(memory.buffer, memory.byteOffset + offset, memory.length - offset - 3)
        const decoded = decodeFrame(bytes)
        expect(decoded).toEqual(frame)
        const buffers = 'parts' in decoded ? decoded.parts.map((part) => part.bytes.buffer) : []
        expect(buffers.every((buffer) => buffer === memory.buffer)).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })

  it('tells what a request is from its first bytes', () => {
    fc.assert(
      fc.property(frames, fc.nat(400), (frame, length) => {
        const bytes = encodeFrame(frame)
        const { modelHash, wound, codec } = { ...request, ...frame }
        const said = frame.kind === 'request' ? { modelHash, wound, codec } : undefined
        expect(headOf(bytes)).toEqual(said)
        expect([undefined, said]).toContainEqual(headOf(bytes.subarray(0, length)))
      }),
    )
  })

  it('refuses every truncation and anything after the end', () => {
    for (const { bytes } of goldenFrames()) {
      for (let length = 0; length < bytes.length; length++) {
        expect(codeOf(() => decodeFrame(bytes.subarray(0, length)))).toBe('length')
      }
      expect(codeOf(() => decodeFrame(Buffer.concat([bytes, Buffer.alloc(1)])))).toBe('length')
    }
  })

  it('throws nothing but FrameError for 200,000 mutated frames', () => {
    const seeds = [
      ...goldenFrames().map(({ bytes }) => bytes),
      ...fc.sample(frames, { numRuns: 200, seed: 4 }).map(encodeFrame),
    ]
    let state = 0x2545_f491
    const random = (below: number) => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) % below
    }
    const outcomes = new Map<string, number>()
    for (let round = 0; round < 200_000; round++) {
      const seed = seeds[random(seeds.length)]!
      const bytes = random(4) === 0 ? seed.slice(0, random(seed.length + 1)) : seed.slice()
      const hits = 1 + random(4)
      for (let hit = 0; hit < hits; hit++)
        bytes[random(Math.min(bytes.length, 96))] = [0, 0xff, random(256)][random(3)]!
      const outcome = codeOf(() => decodeFrame(bytes))
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    // The fuzzing reached every kind of check, and frames that still decode.
    expect([...outcomes.keys()].toSorted()).toEqual(['length', 'limit', 'magic', 'none', 'value', 'version'])
  })

  it('holds its limits in both directions', () => {
    const part = { name: 'p', shape: [1], bytes: new Uint8Array(4) }
    const many = Array.from({ length: 65 }, (_, i) => ({ ...part, name: `${i}` }))
    const bad: [Partial<Frame>, FrameErrorCode][] = [
      [{ parts: many }, 'limit'],
      [{ parts: [{ ...part, shape: Array(9).fill(1) }] }, 'limit'],
      [{ parts: [{ ...part, shape: [2 ** 24 + 1] }] }, 'limit'],
      [{ parts: [{ ...part, shape: [0] }] }, 'value'],
      [{ parts: [part, part] }, 'value'],
      [{ wound: 'x'.repeat(4097) }, 'limit'],
      [{ codec: '\ud800' }, 'value'],
      [{ modelHash: hash.toUpperCase() }, 'value'],
      [{ timeLeftMs: -1 }, 'value'],
      [{ timeLeftMs: Number.NaN }, 'value'],
      [{ kind: 'failure', code: 'other' as 'internal', message: '' }, 'value'],
      [{ kind: 'failure', code: 'overloaded', waitMs: Number.POSITIVE_INFINITY, message: '' }, 'value'],
      [{ kind: 'cancel', request: hash.slice(1) }, 'value'],
    ]
    for (const [fields, code] of bad)
      expect(codeOf(() => encodeFrame({ ...request, ...fields } as Frame))).toBe(code)
    const bytes = encodeFrame({ ...request, parts: [{ ...part, shape: [3, 4] }] })
    for (const limits of [
      { maxBytes: bytes.length - 1 },
      { maxParts: 0 },
      { maxRank: 1 },
      { maxStringBytes: 0 },
      { maxElements: 11 },
    ]) {
      expect(codeOf(() => decodeFrame(bytes, limits))).toBe('limit')
    }
    expect(
      codeOf(() => decodeFrame(bytes, { maxBytes: bytes.length, maxParts: 1, maxRank: 2, maxElements: 12 })),
    ).toBe('none')
  })
})
