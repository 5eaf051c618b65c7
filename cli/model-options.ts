import type { LoadModelOptions } from '../src/model-graph/load-model.ts'
import { wholeNumber } from '../src/terminal/options.ts'
import { UsageError } from '../src/terminal/usage-error.ts'

/** Options of every command that loads one model, for `readOptions`. */
export const modelOptions = {
  model: { type: 'string' },
  weights: { type: 'string' },
  seed: { type: 'string' },
  'input-shape': { type: 'string', multiple: true },
  'input-value': { type: 'string', multiple: true },
} as const

interface ModelValues {
  readonly model?: string
  readonly weights?: string
  readonly seed?: string
  readonly 'input-shape'?: readonly string[]
  readonly 'input-value'?: readonly string[]
}

/** What {@link modelOptions} gave, for `loadModel`. @throws {UsageError} for a malformed value. */
export function readModelOptions(
  values: ModelValues,
  command: string,
): { source: string; options: LoadModelOptions } {
  const { model, weights, seed } = values
  if (model === undefined) throw new UsageError(`surgeon ${command} needs --model NAME|FOLDER|FILE.onnx`)
  const shapes = (values['input-shape'] ?? []).map((text): [string, number[]] => {
    const parts = /^(.+)=(\d+(?:x\d+)*)$/.exec(text)
    if (parts === null)
      throw new UsageError(`--input-shape must be like input=1x3x224x224, current value is ${text}`)
    return [parts[1]!, parts[2]!.split('x').map(Number)]
  })
  const fixed = (values['input-value'] ?? []).map((text): [string, number | number[]] => {
    const at = text.lastIndexOf('=')
    const numbers = text.slice(at + 1).split(',')
    const [first] = numbers
    if (at < 1 || numbers.some((each) => each.trim() === '' || !Number.isFinite(Number(each))))
      throw new UsageError(`--input-value must be like rate=16000 or size=2,3, current value is ${text}`)
    return [text.slice(0, at), numbers.length === 1 ? Number(first) : numbers.map(Number)]
  })
  return {
    source: model,
    options: {
      ...(weights === undefined ? {} : { weights }),
      ...(seed === undefined ? {} : { seed: wholeNumber(seed, '--seed', 0) }),
      ...(shapes.length === 0 ? {} : { inputShapes: Object.fromEntries(shapes) }),
      ...(fixed.length === 0 ? {} : { inputValues: Object.fromEntries(fixed) }),
    },
  }
}
