import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import * as util from 'node:util'

/**
 * What is used of TensorFlow.js. Declared here because the package is optional: this file must compile without it.
 */
export interface TfTensor {
  readonly shape: readonly number[]
  dataSync(): Float32Array<ArrayBuffer>
  dispose(): void
}

/** A place in a functional model that has no values yet. */
export interface SymbolicTensor {
  readonly shape: readonly (number | null)[]
}

interface LayerVariable {
  readonly originalName: string
  write(value: TfTensor): void
}

export interface TfLayer {
  readonly weights: readonly LayerVariable[]
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor
}

export interface LayersModel {
  predictOnBatch(inputs: TfTensor | readonly TfTensor[]): TfTensor | TfTensor[]
  dispose(): void
}

type LayerFactory = (config: Readonly<Record<string, unknown>>) => TfLayer

interface LayerClass {
  new (config: { name: string }): TfLayer & { call(inputs: TfTensor | readonly TfTensor[]): TfTensor }
}

export interface TensorFlow {
  readonly layers: { readonly Layer: LayerClass } & Readonly<Record<string, LayerFactory>>
  readonly image: {
    resizeBilinear(
      map: TfTensor,
      size: readonly [number, number],
      alignCorners: boolean,
      halfPixelCenters: boolean,
    ): TfTensor
  }
  tensor(values: Float32Array, shape: readonly number[], dtype: 'float32'): TfTensor
  input(config: { shape: readonly number[]; name: string }): SymbolicTensor
  model(config: {
    inputs: readonly SymbolicTensor[]
    outputs: readonly SymbolicTensor[]
    name: string
  }): LayersModel
  tidy<T>(compute: () => T): T
  transpose(tensor: TfTensor, order: readonly number[]): TfTensor
  add(a: TfTensor, b: TfTensor | number): TfTensor
  sub(a: TfTensor, b: TfTensor | number): TfTensor
  mul(a: TfTensor, b: TfTensor | number): TfTensor
  minimum(a: TfTensor, b: TfTensor | number): TfTensor
  exp(tensor: TfTensor): TfTensor
  relu(tensor: TfTensor): TfTensor
  leakyRelu(tensor: TfTensor, alpha: number): TfTensor
  mean(tensor: TfTensor, axes: readonly number[], keepDims: boolean): TfTensor
  max(tensor: TfTensor, axes: readonly number[], keepDims: boolean): TfTensor
}

const packageName = '@tensorflow/tfjs-node'

/** Where `npm run setup:tensorflow` puts it. */
function cacheDirectory(): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(cache, 'surgeon', 'tfjs-node')
}

/**
 * Finds TensorFlow.js: installed as a dependency, or set up in the cache directory. A package whose binding is missing
 * (its install script could not download it) does not count.
 * @returns The `require` that sees it.
 * @throws {Error} naming the command that sets it up.
 */
export function locateTensorFlow(): NodeJS.Require {
  for (const origin of [import.meta.url, join(cacheDirectory(), 'package.json')]) {
    const require = createRequire(origin)
    try {
      const root = dirname(require.resolve(`${packageName}/package.json`))
      if (existsSync(join(root, 'lib', 'napi-v8', 'tfjs_binding.node'))) return require
    } catch {
      // Not there: the next place.
    }
  }
  throw new Error(
    `${packageName} is neither installed with its binding nor set up in ${cacheDirectory()}; npm run setup:tensorflow does it`,
  )
}

let loaded: TensorFlow | undefined

/**
 * Loads TensorFlow.js into this thread, once. libtensorflow reads the number of threads when it is loaded, so the first
 * call's holds for the whole process.
 */
export function loadTensorFlow(require: NodeJS.Require, threads: number): TensorFlow {
  if (loaded !== undefined) return loaded
  // It prints a note about rounding at every start otherwise.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  process.env['TF_NUM_INTRAOP_THREADS'] ??= String(threads)
  process.env['TF_NUM_INTEROP_THREADS'] ??= '1'
  restoreUtil(require)
  loaded = require(packageName) as TensorFlow
  return loaded
}

/** tfjs-node calls two functions that Node 23 took away. */
function restoreUtil(require: NodeJS.Require): void {
  const target = require('node:util') as Partial<Record<string, unknown>> & typeof util
  target['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined
  target['isArray'] ??= Array.isArray
}
