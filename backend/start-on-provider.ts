import type { ExecutionProvider } from '../src/executor/engine.ts'
import type { RunReply, RunRequest } from '../src/executor/inference-protocol.ts'
import { engineTolerance, relativeDifference } from '../src/executor/parity.ts'
import { randomInputs } from '../src/executor/random-inputs.ts'
import type { SegmentChain } from '../src/executor/segment-chain.ts'
import type { Model } from '../src/model-graph/model.ts'
import type { TensorValue } from '../src/tensor/tensor-value.ts'

/** An inference thread whose segments are those of a chain. */
export interface Startable {
  readonly inference: { run(request: RunRequest): Promise<RunReply> }
  start(): Promise<void>
  stop(): Promise<void>
}

export interface ProviderStart<Part> {
  /** Started; undefined where none can be used. */
  readonly found: { readonly part: Part; readonly provider: ExecutionProvider } | undefined
  /** Why those before it are not used. */
  readonly faults: readonly string[]
}

/**
 * Starts the first of the execution providers that loads the model and gives the CPU's answers.
 * @param build makes a thread on a provider, or on the CPU.
 */
export async function startOnProvider<Part extends Startable>(
  providers: readonly ExecutionProvider[],
  model: Model,
  chain: SegmentChain,
  build: (provider: ExecutionProvider | undefined) => Part,
): Promise<ProviderStart<Part>> {
  const faults: string[] = []
  let wanted: readonly TensorValue[] | undefined
  for (const provider of providers) {
    const part = build(provider)
    try {
      await part.start()
      const answers = await runChain(part, model, chain)
      wanted ??= await answersOfCpu(build, model, chain)
      const difference = relativeDifference(answers, wanted)
      if (difference <= engineTolerance) return { found: { part, provider }, faults }
      faults.push(
        `${provider}: its answers differ from the CPU's by ${difference.toPrecision(2)} of the largest`,
      )
    } catch (error) {
      faults.push(`${provider}: ${(error as Error).message}`)
    }
    await part.stop()
  }
  return { found: undefined, faults }
}

async function answersOfCpu(
  build: (provider: undefined) => Startable,
  model: Model,
  chain: SegmentChain,
): Promise<readonly TensorValue[]> {
  const part = build(undefined)
  try {
    await part.start()
    return await runChain(part, model, chain)
  } finally {
    await part.stop()
  }
}

async function runChain(
  { inference }: Startable,
  model: Model,
  chain: SegmentChain,
): Promise<readonly TensorValue[]> {
  const { inputs, outputs } = model.graph
  const reply = await inference.run({
    request: 'parity',
    segments: chain.segments.map(({ key }) => key),
    input: { kind: 'values', tensors: inputs, values: randomInputs(model, 1) },
    output: outputs,
    keep: false,
    values: true,
  })
  return reply.values
}
