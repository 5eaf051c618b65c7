import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { ModelProtoSchema } from 'onnx-buf'
import type { InferenceSession } from 'onnxruntime-common'
import { type OnnxGraph, onnxNode } from '../../onnx/onnx-message.ts'
import type { OnnxRuntime } from '../../onnx/onnx-runtime.ts'
import { serialiseModel } from '../../onnx/write-message.ts'

/** Operators that compute in the blocked channel layout have a domain of their own. */
const blockedDomain = 'com.microsoft.nchwc'

/** More than the widest block, 16 channels, and a multiple of it. */
const channels = 32

/** One convolution, which is blocked wherever anything is. */
const probe: OnnxGraph = {
  name: 'probe',
  opset: 17,
  nodes: [onnxNode('Conv', ['in', 'kernel'], ['out'])],
  initializers: [
    {
      name: 'kernel',
      dims: [channels, channels, 1, 1],
      type: 'float32',
      values: () => Promise.resolve(new Float32Array(channels * channels)),
    },
  ],
  inputs: [{ name: 'in', shape: [channels, 4, 4] }],
  outputs: [{ name: 'out', shape: [channels, 4, 4] }],
}

/**
 * Whether this build of the runtime, on this machine and with these options, computes convolutions in its blocked channel
 * layout: it optimises one and is read what it made of it. x64 builds do and arm64's does not, so what helps maps enter
 * that layout would be pure cost there. Takes some 10 ms. Where the runtime cannot write its graph (WebAssembly has no
 * disk) or the temporary folder is full, nothing is known, and false is what costs nothing.
 */
export async function blocksChannels(
  runtime: OnnxRuntime,
  options: InferenceSession.SessionOptions,
): Promise<boolean> {
  let folder: string | undefined
  try {
    folder = await mkdtemp(join(tmpdir(), 'surgeon-probe-'))
    const optimizedModelFilePath = join(folder, 'optimised.onnx')
    const session = await runtime.InferenceSession.create(await serialiseModel(probe), {
      ...options,
      optimizedModelFilePath,
    })
    await session.release()
    const { graph } = fromBinary(ModelProtoSchema, await readFile(optimizedModelFilePath))
    return graph!.node.some(({ domain }) => domain === blockedDomain)
  } catch {
    return false
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}
