import { median } from 'simple-statistics'
import { measured } from '../src/async/measured.ts'
import { featureCodec } from '../src/codec/feature-codecs.ts'
import { blankImage, decodeInput } from '../src/codec/image-codecs.ts'
import { relativeDifference } from '../src/executor/parity.ts'
import type { PictureInput } from '../src/model-graph/manifest.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'

const runs = { warmUp: 2, measured: 5 }

/** Of the picture that stands for what cameras send. */
const exampleWidth = 640
const exampleHeight = 480

/** In which the model's outputs travel back: 3 decimal digits, half the bytes. */
export const resultCodec = 'float16'

/** Members of a batch may differ from single runs by what another order of additions makes, and by float16's rounding. */
const batchTolerance = 5e-3

/** What one request got. */
export interface Finished {
  /** Of what is encoded. */
  readonly codec: string
  readonly encoded: readonly { readonly shape: readonly number[]; readonly bytes: Uint8Array }[]
  /** Of the call that finished it, whoever else was finished in it. */
  readonly elapsedMs: number
  /** Its even share of the call. */
  readonly shareMs: number
}

export interface TailTimes {
  /** Median of a call for one request. */
  readonly aloneMs: number
  /** Of that many together; absent where the model does not compute several in one call as it computes each. */
  readonly togetherMs?: number
}

/**
 * Measures the tail behind one wound, alone and several at once. Whether several may share a call is tried, not derived:
 * a file may fix the batch axis, compute over it, or reshape it away, and then it fails or gives other answers.
 * @param examples Different requests, as many as may share a call; at least one.
 * @param finish Finishes requests in one call.
 * @throws whatever `finish` throws for a single request.
 */
export async function measureTail<Request>(
  examples: readonly Request[],
  finish: (requests: readonly Request[]) => Promise<readonly Finished[]>,
): Promise<TailTimes> {
  const singles: Finished[] = []
  for (const example of examples) singles.push((await finish([example]))[0]!)
  const canBatch = examples.length > 1 && (await agrees(examples, singles, finish))
  const pairs = await measured(runs, async () => {
    const [one] = await finish(examples.slice(0, 1))
    const [member] = canBatch ? await finish(examples) : [one]
    return { aloneMs: one!.elapsedMs, togetherMs: member!.elapsedMs }
  })
  const aloneMs = median(pairs.map((pair) => pair.aloneMs))
  return { aloneMs, ...(canBatch && { togetherMs: median(pairs.map((pair) => pair.togetherMs)) }) }
}

/** Median milliseconds of decoding a camera's picture for the model. */
export async function measurePicture(input: PictureInput): Promise<number> {
  const bytes = await blankImage(exampleWidth, exampleHeight)
  const times = await measured(runs, async () => {
    const beginMs = performance.now()
    await decodeInput('received', bytes, input)
    return performance.now() - beginMs
  })
  return median(times)
}

async function agrees<Request>(
  examples: readonly Request[],
  singles: readonly Finished[],
  finish: (requests: readonly Request[]) => Promise<readonly Finished[]>,
): Promise<boolean> {
  try {
    const members = await finish(examples)
    return singles.every(
      (single, i) => relativeDifference(values(members[i]!), values(single)) <= batchTolerance,
    )
  } catch {
    return false
  }
}

function values({ codec: name, encoded }: Finished): TensorValue[] {
  const codec = featureCodec(name)
  return encoded.map(({ bytes, shape }) => codec.decode(bytes, shape))
}
