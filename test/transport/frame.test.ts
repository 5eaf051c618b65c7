import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AnswerSpec } from '../../src/answer/answer-spec.ts'
import { decodeFrame, encodeFrame, readRequestHead } from '../../src/transport/frame.ts'
import {
  type Frame,
  failureCodes,
  type RequestFrame,
  type RequestHead,
} from '../../src/transport/frame-content.ts'
import { FrameError, type FrameErrorCode } from '../../src/transport/frame-error.ts'
import { goldenFrames } from './golden-vectors.ts'

const model = '0001020304050607'
const request: Frame = { kind: 'request', model, wound: 'w', codec: 'c', timeLeftMs: 5, parts: [] }

/** `SURGEON_FUZZ_FRAMES=1000000 npx vitest run dist/test/transport/frame` has more of them, `SURGEON_FUZZ_SEED` others. */
const fuzz = {
  frames: Number(process.env['SURGEON_FUZZ_FRAMES'] ?? 100_000),
  seed: Number(process.env['SURGEON_FUZZ_SEED'] ?? 0x2545_f491),
}

const text = fc.string({ unit: 'binary', maxLength: 40 })
const milliseconds = fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }).map((ms) => Math.abs(ms))
const payload = fc.uint8Array({ maxLength: 300 })
const hexOf = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((values) => Buffer.from(values).toString('hex'))
const answer: AnswerSpec = { kind: 'softmax', topK: 5, outputs: [0] }
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('request' as const),
      model: hexOf(8),
      wound: text,
      codec: text,
      timeLeftMs: fc.nat(2 ** 28 - 1),
      parts: fc.array(payload, { maxLength: 6 }),
      answer: fc.constant(answer),
    },
    { requiredKeys: ['kind', 'model', 'wound', 'codec', 'timeLeftMs', 'parts'] },
  ),
  fc.record({
    kind: fc.constant('result' as const),
    codec: text,
    isDamaged: fc.boolean(),
    queueMs: milliseconds,
    decodeMs: milliseconds,
    elapsedMs: milliseconds,
    shareMs: milliseconds,
    parts: fc.array(
      fc.record({ shape: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 8 }), bytes: payload }),
      { maxLength: 6 },
    ),
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
  fc.record({ kind: fc.constant('cancel' as const), request: fc.oneof(hexOf(8), hexOf(16)) }),
  fc.record({ kind: fc.constant('describe' as const), model: hexOf(8) }),
  fc.record({ kind: fc.constant('description' as const), card: payload }),
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

function headFields({ model, timeLeftMs, wound, codec }: RequestFrame): RequestHead {
  return { model, timeLeftMs, wound, codec }
}

/** Bytes that a frame has at least: its last part is what follows. */
function bytesBeforeLast(frame: Frame, bytes: Uint8Array): number {
  if (frame.kind === 'description') return bytes.length - frame.card.length
  const last = 'parts' in frame ? frame.parts.at(-1) : undefined
  if (last === undefined) return bytes.length
  return bytes.length - ('bytes' in last ? last.bytes : last).length
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
        const parts = 'parts' in decoded ? decoded.parts : []
        const buffers = parts.map((part) => ('bytes' in part ? part.bytes : part).buffer)
        expect(buffers.every((buffer) => buffer === memory.buffer)).toBe(true)
      }),
      { numRuns: 1500 },
    )
  })

  it('tells what a request is from its first bytes', () => {
    fc.assert(
      fc.property(frames, fc.nat(400), (frame, length) => {
        const bytes = encodeFrame(frame)
        const said = frame.kind === 'request' ? headFields(frame) : undefined
        expect(headOf(bytes)).toEqual(said)
        expect([undefined, said]).toContainEqual(headOf(bytes.subarray(0, length)))
      }),
    )
  })

  it('refuses every truncation before the last part, and anything after the end of what has none', () => {
    for (const { frame, bytes } of goldenFrames()) {
      const least = bytesBeforeLast(frame, bytes)
      for (let length = 0; length < least; length++) {
        expect(codeOf(() => decodeFrame(bytes.subarray(0, length)))).toBe('length')
      }
      const longer = codeOf(() => decodeFrame(Buffer.concat([bytes, Buffer.alloc(1)])))
      const isOpen = least < bytes.length || frame.kind === 'description'
      expect(longer).toBe(isOpen ? 'none' : 'length')
    }
  })

  it('has at most 40 bytes beside a tensor, and 80 beside and with five classes', () => {
    const wound = 'block_6_project_BN'
    const sent = encodeFrame({
      ...request,
      wound,
      codec: 'klt:7',
      timeLeftMs: 9999,
      parts: [new Uint8Array(2500)],
    })
    expect(sent.length - 2500).toBeLessThanOrEqual(40)
    const rows = { shape: [5, 2], bytes: new Uint8Array(40) }
    const times = { queueMs: 1, decodeMs: 1, elapsedMs: 1, shareMs: 1 }
    const answered: Frame = { kind: 'result', codec: 'float32', isDamaged: false, ...times, parts: [rows] }
    expect(encodeFrame(answered).length).toBeLessThanOrEqual(80)
  })

  it(`throws nothing but FrameError for ${fuzz.frames} mutated frames, seed ${fuzz.seed}`, () => {
    const seeds = [
      ...goldenFrames().map(({ bytes }) => bytes),
      ...fc.sample(frames, { numRuns: 200, seed: 4 }).map(encodeFrame),
    ]
    let state = fuzz.seed
    const random = (below: number) => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) % below
    }
    const outcomes = new Map<string, number>()
    for (let round = 0; round < fuzz.frames; round++) {
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
    const part = { shape: [1], bytes: new Uint8Array(4) }
    const times = { queueMs: 0, decodeMs: 0, elapsedMs: 0, shareMs: 0 }
    const result = { kind: 'result', codec: 'c', isDamaged: false, ...times, parts: [part] } as const
    const failure = { kind: 'failure', message: '' } as const
    const bad: [Frame, FrameErrorCode][] = [
      [{ ...request, parts: Array.from({ length: 65 }, () => new Uint8Array(1)) }, 'limit'],
      [{ ...result, parts: [{ ...part, shape: Array(9).fill(1) }] }, 'limit'],
      [{ ...result, parts: [{ ...part, shape: [2 ** 24 + 1] }] }, 'limit'],
      [{ ...result, parts: [{ ...part, shape: [0] }] }, 'value'],
      [{ ...result, queueMs: -1 }, 'value'],
      [{ ...result, elapsedMs: Number.NaN }, 'value'],
      [{ ...result, shareMs: 1e300 }, 'value'],
      [{ ...request, wound: 'x'.repeat(4097) }, 'limit'],
      [{ ...request, codec: '\ud800' }, 'value'],
      [{ ...request, model: 'ABCDEF0123456789' }, 'value'],
      [{ ...request, model: model.slice(1) }, 'value'],
      [{ ...request, timeLeftMs: -1 }, 'value'],
      [{ ...request, timeLeftMs: 1.5 }, 'value'],
      [{ ...request, timeLeftMs: 2 ** 28 }, 'value'],
      [{ ...failure, code: 'other' as 'internal' }, 'value'],
      [{ ...failure, code: 'overloaded', waitMs: Number.POSITIVE_INFINITY }, 'value'],
      [{ kind: 'cancel', request: model.slice(2) }, 'value'],
      [{ kind: 'cancel', request: model.slice(1) }, 'value'],
      [{ kind: 'cancel', request: `${model}${model}00` }, 'value'],
      [{ kind: 'describe', model: model.slice(2) }, 'value'],
    ]
    for (const [frame, code] of bad) expect(codeOf(() => encodeFrame(frame))).toBe(code)
    const bytes = encodeFrame({ ...result, parts: [{ ...part, shape: [3, 4] }] })
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
