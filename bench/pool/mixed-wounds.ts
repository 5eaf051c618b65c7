import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, quantile } from 'simple-statistics'
import { workerConfigSchema } from '../../backend/config.ts'
import { ServedModel } from '../../backend/served-model.ts'
import { queueLimits, Serving } from '../../backend/serving.ts'
import { systemClock } from '../../src/async/clock.ts'
import { featureCodec } from '../../src/codec/feature-codecs.ts'
import { findWound } from '../../src/model-graph/find-wound.ts'
import { borderShape } from '../../src/model-graph/layer-graph.ts'
import { loadModel } from '../../src/model-graph/load-model.ts'
import type { ModelChoice } from '../../src/model-graph/model-choice.ts'
import { elementCount } from '../../src/tensor/element-count.ts'
import { type Frame, modelDigits, type RequestFrame } from '../../src/transport/frame-content.ts'
import { type WaveBound, waveBound } from './wave-bound.ts'

export interface MixedOptions {
  readonly choice: ModelChoice
  readonly threads: number
  /** Requests at one wound that may share a call. */
  readonly batch: number
  /** Requests that are at the worker at any time. */
  readonly outstanding: number
  /** Pairs of windows, one by one and together in turn. */
  readonly rounds: number
  readonly windowMs: number
}

export interface MixedRow {
  readonly model: string
  readonly threads: number
  readonly batch: number
  readonly wounds: readonly string[]
  readonly onePerS: number
  readonly togetherPerS: number
  /** Median of the rounds' ratios. */
  readonly gain: number
  readonly oneP99Ms: number
  readonly togetherP99Ms: number
  /** What waves could gain at most. */
  readonly waves: WaveBound
}

interface Window {
  readonly perS: number
  readonly latencies: readonly number[]
}

/** Requests at all candidate wounds in turn, finished one by one and with those at the same wound together. */
export async function measureMixedWounds(options: MixedOptions): Promise<MixedRow> {
  const { choice, threads, batch, rounds } = options
  const folder = await mkdtemp(join(tmpdir(), 'surgeon-mixed-'))
  const open = async (limit: number) => {
    const config = workerConfigSchema.parse({
      worker: 'bench',
      mqtt: { url: 'mqtt://127.0.0.1' },
      models: [choice],
      threads,
      stateDirectory: folder,
      compiledCache: { directory: join(folder, 'compiled') },
      limits: { batch: limit, waitMs: 60_000 },
    })
    const model = new ServedModel(choice, config, () => undefined)
    await model.start()
    const limits = queueLimits(config.limits)
    const serving = new Serving({ servers: [model], limits, clock: systemClock, log: () => undefined })
    return { model, serving }
  }
  const one = await open(1)
  const together = await open(batch)
  try {
    const frames = await requestsAt(choice, [...one.model.tails.keys()], one.model.hash)
    const pairs: { one: Window; together: Window }[] = []
    for (let n = 0; n <= rounds; n++) {
      const pair = {
        one: await serveFor(one.serving, frames, options),
        together: await serveFor(together.serving, frames, options),
      }
      // The first warms up.
      if (n > 0) pairs.push(pair)
    }
    const p99 = (windows: readonly Window[]) =>
      quantile(
        windows.flatMap(({ latencies }) => latencies),
        0.99,
      )
    return {
      model: choice.model,
      threads,
      batch,
      wounds: [...one.model.tails.keys()],
      onePerS: median(pairs.map((pair) => pair.one.perS)),
      togetherPerS: median(pairs.map((pair) => pair.together.perS)),
      gain: median(pairs.map((pair) => pair.together.perS / pair.one.perS)),
      oneP99Ms: p99(pairs.map((pair) => pair.one)),
      togetherP99Ms: p99(pairs.map((pair) => pair.together)),
      waves: await waveBound(choice, threads),
    }
  } finally {
    await one.model.stop()
    await together.model.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** A request at each wound, of values around 0. */
async function requestsAt(
  { model: source }: ModelChoice,
  wounds: readonly string[],
  modelHash: string,
): Promise<RequestFrame[]> {
  const { graph } = await loadModel(source)
  const codec = featureCodec('uint8')
  return wounds.map((wound) => ({
    kind: 'request',
    model: modelHash.slice(0, modelDigits),
    wound,
    codec: codec.name,
    timeLeftMs: 60_000,
    parts: findWound(graph, wound).tensors.map((id) => {
      const shape = [1, ...borderShape(graph.tensors[id]!)]
      const data = Float32Array.from({ length: elementCount(shape) }, (_, k) => Math.sin(k * 1.7))
      return codec.encode({ shape, data })
    }),
  }))
}

/** Keeps as many requests outstanding as are asked for, the wounds in turn. */
async function serveFor(
  serving: Serving,
  frames: readonly RequestFrame[],
  { outstanding, windowMs }: MixedOptions,
): Promise<Window> {
  const latencies: number[] = []
  const beginMs = performance.now()
  let next = 0
  const askOne = async () => {
    const frame = frames[next % frames.length]!
    const key = `${beginMs} ${next++}`
    const askedMs = performance.now()
    const answer = await new Promise<Frame>((resolve) => {
      void serving.accept({ key, sender: `agent ${next % outstanding}`, frame, reply: resolve })
    })
    if (answer.kind !== 'result')
      throw new Error(`Cannot measure: a request failed: ${JSON.stringify(answer)}`)
    latencies.push(performance.now() - askedMs)
  }
  const client = async () => {
    while (performance.now() - beginMs < windowMs) await askOne()
  }
  await Promise.all(Array.from({ length: outstanding }, client))
  return { perS: (latencies.length / (performance.now() - beginMs)) * 1000, latencies }
}
