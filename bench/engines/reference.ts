import { readFile } from 'node:fs/promises'
import type { InferenceSession } from 'onnxruntime-common'
import type { CompileOptions, EngineName } from '../../src/executor/engine.ts'
import { lowerSegment } from '../../src/executor/onnx/lower-segment.ts'
import { wholeModel } from '../../src/model-graph/cut.ts'
import type { Model } from '../../src/model-graph/model.ts'
import { nativeOnnxRuntime, webAssemblyOnnxRuntime } from '../../src/onnx/onnx-runtime.ts'
import { serialiseModel } from '../../src/onnx/write-message.ts'
import type { TensorValue } from '../../src/tensor/tensor-value.ts'
import type { Work } from './paired-times.ts'

/**
 * The same model run straight by the runtime, without anything of ours between: the file itself where the model is an
 * ONNX file, else what we export. Undefined for an engine that does not run ONNX.
 */
export async function referenceRun(
  source: string,
  model: Model,
  engine: EngineName,
  inputs: readonly TensorValue[],
  { threads }: CompileOptions,
): Promise<Work | undefined> {
  if (engine === 'tensorflow' || engine === 'xnnpack') return undefined
  const runtime = engine === 'wasm' ? await webAssemblyOnnxRuntime() : nativeOnnxRuntime()
  const bytes = source.endsWith('.onnx')
    ? await readFile(source)
    : await serialiseModel(lowerSegment(model, wholeModel(model.graph)))
  const options: InferenceSession.SessionOptions = {
    executionProviders: [engine === 'wasm' ? 'wasm' : 'cpu'],
    logSeverityLevel: 4,
    // Several sessions are in this process: threads that spin would slow each other down.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(engine === 'wasm' ? {} : { intraOpNumThreads: threads, interOpNumThreads: 1 }),
  }
  const session = await runtime.InferenceSession.create(new Uint8Array(bytes), options)
  return async () => {
    const feeds = Object.fromEntries(
      inputs.map(({ data, shape }, i) => [
        session.inputNames[i]!,
        new runtime.Tensor('float32', data, shape),
      ]),
    )
    const results = await session.run(feeds)
    for (const name of session.outputNames) results[name]!.dispose()
  }
}
