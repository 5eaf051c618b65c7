import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CompiledCache } from '../../../src/executor/compiled-cache/compiled-cache.ts'
import { lowerSegment } from '../../../src/executor/onnx/lower-segment.ts'
import { wholeModel } from '../../../src/model-graph/cut.ts'
import type { Model } from '../../../src/model-graph/model.ts'
import type { OnnxGraph } from '../../../src/onnx/onnx-message.ts'
import { input, kerasTopology, sketchModel } from '../../keras-model.ts'

/** A model whose kernel is larger than what stays in the message, and its hash and lowered form; each number another. */
export function sketchNumber(number: number): { model: Model; hash: string; graph: OnnxGraph } {
  const sketch = sketchModel(
    kerasTopology([
      input(4, 4, 16),
      ['c', 'Conv2D', { filters: 32, kernel_size: [3, 3], padding: 'same', activation: 'relu' }, 'in'],
      ['d', 'Dense', { units: 5 }, 'c'],
    ]),
  )
  const model: Model = { ...sketch, hash: number.toString(16).padStart(32, '0') }
  return { model, hash: model.hash, graph: lowerSegment(model, wholeModel(model.graph)) }
}

/** What `load` would give the runtime: both files, byte by byte. */
export async function contents(path: string): Promise<string> {
  const files = await Promise.all([path, join(dirname(path), 'weights.bin')].map((name) => readFile(name)))
  return files.map((bytes) => bytes.toString('base64')).join(' ')
}

/** A cache and what it says. */
export function spokenCache(directory: string, bytes = 1 << 20) {
  const said: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = []
  let inMemory = 0
  const cache = new CompiledCache(
    { directory, bytes },
    (level, message, fields = {}) => said.push({ level, message, fields }),
    () => inMemory++,
  )
  return { cache, said, timesInMemory: () => inMemory }
}
