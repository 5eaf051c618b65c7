import { z } from 'zod'
import { ConfigError } from '../config/load-config.ts'
import { findModel } from './find-model.ts'
import { type LoadModelOptions, loadModel } from './load-model.ts'
import type { Model } from './model.ts'

/** Weights made up from a seed: times and bytes are those of the real network, answers are noise. */
export const randomWeights = 'random'

/** Which model a configuration means. Plain data, so that it can go to a thread or a process. */
export interface ModelChoice {
  /** As `findModel` takes it. */
  readonly model: string
  /**
   * Where the weights of a model of the zoo, or a topology, come from: a folder with a TensorFlow.js layers model, or
   * {@link randomWeights}. Absent where the model has its own.
   */
  readonly weights?: string | undefined
  /** All axes of inputs of an ONNX file, batch axis of 1 included, by name: for those that the file leaves open. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>> | undefined
  /** What inputs of an ONNX file always hold, by name: one number for all values, or all of them. */
  readonly inputValues?: Readonly<Record<string, number | readonly number[]>> | undefined
}

/** In a configuration file: a name, folder or file, or `{ model, weights, inputShapes, inputValues }`. */
export const modelChoiceSchema = z.union([
  z
    .string()
    .min(1)
    .transform((model): ModelChoice => ({ model })),
  z.strictObject({
    model: z.string().min(1),
    weights: z.string().min(1).optional(),
    inputShapes: z.record(z.string().min(1), z.array(z.int().min(1)).max(8)).optional(),
    inputValues: z.record(z.string().min(1), z.union([z.number(), z.array(z.number()).min(1)])).optional(),
  }),
])

/** What `loadModel` is to be given beside the model's name. */
export function loadingOptions({ weights, inputShapes, inputValues }: ModelChoice): LoadModelOptions {
  return {
    ...(weights !== undefined && weights !== randomWeights && { weights }),
    ...(inputShapes !== undefined && { inputShapes }),
    ...(inputValues !== undefined && { inputValues }),
  }
}

/**
 * The rule for whoever answers requests: no answers of made-up weights unless they are asked for by name, and nothing said
 * of inputs that the model does not leave open. Commands that
 * look at a network or time it call `loadModel`, which makes weights up where there are none.
 * @throws {ConfigError} where there is no such model, its weights are missing, or are given though it has its own.
 */
export async function checkWeights(choice: ModelChoice): Promise<void> {
  const { model, weights } = choice
  const { kind } = await findModel(model).catch((cause: Error): never => {
    throw new ConfigError(cause.message, { cause })
  })
  const hasOwn = kind === 'layers' || kind === 'onnx'
  const closed = choice.inputShapes ?? choice.inputValues
  if (!hasOwn && closed !== undefined)
    throw new ConfigError(
      `Cannot serve model ${model}: inputShapes and inputValues must be left out, as no input of it is open, current inputs are ${Object.keys(closed).join(', ')}`,
    )
  if (hasOwn && weights !== undefined)
    throw new ConfigError(
      `Cannot serve model ${model}: weights must be left out, as it has its own, current value is ${weights}`,
    )
  if (hasOwn || weights !== undefined) return
  throw new ConfigError(
    `Cannot serve model ${model}: it has no weights of its own, so its answers would be noise. Write { model: ${model}, weights: DIR } with the folder of a TensorFlow.js layers model that has them (model.json and its .bin files) or, to measure times and bytes only, { model: ${model}, weights: ${randomWeights} }`,
  )
}

/** The model of a configuration. @throws {ConfigError} as {@link checkWeights}; whatever `loadModel` throws. */
export async function loadChosenModel(choice: ModelChoice): Promise<Model> {
  await checkWeights(choice)
  return loadModel(choice.model, loadingOptions(choice))
}
