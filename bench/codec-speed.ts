import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { clippedRange } from '../src/codec/clipped-range.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'

export interface CodecSpeed {
  readonly codec: string
  readonly shape: string
  readonly bytes: number
  readonly encodeMs: number
  readonly decodeMs: number
}

const leastRepetitions = 40
/** Small maps are repeated for so long: V8 compiles what has run some hundred times, as a daemon's code has. */
const leastMs = 300

/** The lowest times of several for a 56 x 56 x 256 map like one behind a ReLU, in one thread; deflate of q4's codes beside. */
export function codecSpeed(): CodecSpeed[] {
  const shape = [1, 256, 56, 56]
  const data = syntheticMap(256, 56)
  const rows = ['uint8', 'q8', 'q4', 'q4c', 'q2'].map((name) => {
    const codec = featureCodec(name)
    let bytes = codec.encode({ shape, data })
    const [encodeMs, decodeMs] = lowestMs([
      () => (bytes = codec.encode({ shape, data })),
      () => codec.decode(bytes, shape),
    ])
    return { codec: name, shape: '56x56x256', bytes: bytes.length, encodeMs, decodeMs }
  })
  const packed = new Uint8Array(data.length / 2)
  const { scale, zeroPoint } = clippedRange(data, 0, data.length, 15)
  const code = (value: number) => Math.max(0, Math.min(15, Math.floor(value / scale + zeroPoint + 0.5)))
  for (let i = 0; i < packed.length; i++) packed[i] = code(data[2 * i]!) | (code(data[2 * i + 1]!) << 4)
  let deflated = deflateRawSync(packed)
  const [encodeMs, decodeMs] = lowestMs([
    () => (deflated = deflateRawSync(packed)),
    () => inflateRawSync(deflated),
  ])
  return [
    ...rows,
    { codec: 'deflate alone, 4 bit', shape: '56x56x256', bytes: deflated.length, encodeMs, decodeMs },
  ]
}

/** The lowest of many times of each of some things that take turns, so that all see the same machine. */
export function lowestMs<Runs extends readonly (() => unknown)[]>(
  runs: readonly [...Runs],
): { [Index in keyof Runs]: number } {
  const best = runs.map(() => Infinity)
  const startMs = performance.now()
  for (let i = 0; i < leastRepetitions || performance.now() - startMs < leastMs; i++) {
    for (const [which, run] of runs.entries()) {
      const beginMs = performance.now()
      run()
      best[which] = Math.min(best[which]!, performance.now() - beginMs)
    }
  }
  return best.map((ms) => Number(ms.toFixed(3))) as { [Index in keyof Runs]: number }
}

/** Waves with noise, cut at a threshold: sparse and locally active, as real maps are. */
function syntheticMap(channels: number, side: number): Float32Array<ArrayBuffer> {
  const data = new Float32Array(channels * side * side)
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state / 0x7fff_ffff
  }
  for (let c = 0, i = 0; c < channels; c++) {
    const phase = 6 * random()
    const pitch = 0.6 * random()
    const threshold = 1.5 * random()
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const wave = 2 * Math.sin(x * pitch + phase) * Math.cos(0.7 * y * pitch + phase)
        const noise = 1.2 * (random() + random() + random() - 1.5)
        data[i++] = Math.max(0, wave + noise - threshold)
      }
    }
  }
  return data
}
