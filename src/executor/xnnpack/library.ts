import type * as Koffi from 'koffi'
import type { RoundedPrecision } from '../engine.ts'
import { type ForeignFunction, ForeignLibrary, loadKoffi } from './foreign-functions.ts'

/** Packages of Debian that have it, newest first: the name changes with the release. */
const packages = [
  { name: 'libxnnpack0.20241108', file: 'libXNNPACK.so.0.20241108', release: 'Debian 13' },
  { name: 'libxnnpack0', file: 'libXNNPACK.so.0', release: 'Debian 12' },
] as const

/** Only what its prototypes are known of is loaded: they cannot be checked. */
const threadPoolFiles = ['libpthreadpool.so.0'] as const

/** Status codes by number. */
const statuses = [
  'success',
  'uninitialized',
  'invalid parameter',
  'invalid state',
  'unsupported parameter',
  'unsupported hardware',
  'out of memory',
] as const

/**
 * Functions and parameters, one letter each, the same in both releases. The last of most: input, (filter, bias,) output,
 * flags. A window's padding is top, right, bottom, left; then rows and columns of kernel, stride and dilation.
 */
const declarations = {
  initialize: ['xnn_initialize', 'n'],
  createSubgraph: ['xnn_create_subgraph', 'uu P'],
  deleteSubgraph: ['xnn_delete_subgraph', 'p'],
  // type, rank, dimensions, data, external id, flags
  tensor: ['xnn_define_tensor_value', 'p i zZ n uu U'],
  // ..., groups, inputs and outputs of a group, bounds
  conv: ['xnn_define_convolution_2d', 'p uuuu uu uu uu u zz ff uuuuu'],
  // ..., multiplier, channels, bounds
  depthwise: ['xnn_define_depthwise_convolution_2d', 'p uuuu uu uu uu u z ff uuuuu'],
  // padding, rows and columns that are added at the end, kernel, stride, dilation, groups, inputs, outputs, bounds
  deconv: ['xnn_define_deconvolution_2d', 'p uuuu uu uu uu uu u zz ff uuuuu'],
  dense: ['xnn_define_fully_connected', 'p ff uuuuu'],
  add: ['xnn_define_add2', 'p ff uuuu'],
  multiply: ['xnn_define_multiply2', 'p ff uuuu'],
  subtract: ['xnn_define_subtract', 'p ff uuuu'],
  divide: ['xnn_define_divide', 'p ff uuuu'],
  maximum: ['xnn_define_maximum2', 'p uuuu'],
  minimum: ['xnn_define_minimum2', 'p uuuu'],
  clamp: ['xnn_define_clamp', 'p ff uuu'],
  abs: ['xnn_define_abs', 'p uuu'],
  sigmoid: ['xnn_define_sigmoid', 'p uuu'],
  softmax: ['xnn_define_softmax', 'p uuu'],
  elu: ['xnn_define_elu', 'p f uuu'],
  leakyRelu: ['xnn_define_leaky_relu', 'p f uuu'],
  maxPool: ['xnn_define_max_pooling_2d', 'p uuuu uu uu uu ff uuu'],
  averagePool: ['xnn_define_average_pooling_2d', 'p uuuu uu uu ff uuu'],
  globalAverage: ['xnn_define_global_average_pooling_2d', 'p ff uuu'],
  pad: ['xnn_define_static_constant_pad', 'p ZZ f uuu'],
  reshape: ['xnn_define_static_reshape', 'p zZ uuu'],
  resizeBilinear: ['xnn_define_static_resize_bilinear_2d', 'p zz uuu'],
  createRuntime: ['xnn_create_runtime_v2', 'p n u P'],
  setupRuntime: ['xnn_setup_runtime', 'p zX'],
  invokeRuntime: ['xnn_invoke_runtime', 'p'],
  deleteRuntime: ['xnn_delete_runtime', 'p'],
} as const satisfies Record<string, readonly [string, string]>

/** Since the library of Debian 13. */
const laterDeclarations = {
  // axis
  concatenate: ['xnn_define_concatenate2', 'p i uuuu'],
  // rank, offsets, sizes
  slice: ['xnn_define_static_slice', 'p zZZ uuu'],
  // rank, order of axes
  transpose: ['xnn_define_static_transpose', 'p zZ uuu'],
  tanh: ['xnn_define_tanh', 'p uuu'],
  exp: ['xnn_define_exp', 'p uuu'],
  // type, rank, axes that share one scale, dimensions, external id, flags
  roundedTensor: ['xnn_define_dynamically_quantized_tensor_value', 'p i zz Z uu U'],
  // type, scales, rank, axis of the scales, dimensions, data, external id, flags
  scaledTensor: ['xnn_define_channelwise_quantized_tensor_value', 'p i p zz Z p uu U'],
  convert: ['xnn_define_convert', 'p uuu'],
} as const satisfies Record<string, readonly [string, string]>

type Functions = Readonly<Record<keyof typeof declarations, ForeignFunction>>
type LaterFunctions = Readonly<Record<keyof typeof laterDeclarations, ForeignFunction | undefined>>

/** XNNPACK. A function throws for every status but success. */
export interface XnnLibrary extends Functions, LaterFunctions {
  readonly file: string
  readonly koffi: typeof Koffi
  /** A pool of that many threads, the caller's among them. They are there until the process ends. */
  createThreadPool(threads: number): bigint
}

let loaded: XnnLibrary | undefined

/**
 * The library of Debian 12 has no int8, and with fp16 it takes the process down where a value is given out and read inside.
 * @throws {RangeError} naming the package whose library computes in other precisions.
 */
export function requireRounding(
  { roundedTensor, scaledTensor, convert, file }: XnnLibrary,
  precision: RoundedPrecision,
): void {
  if (roundedTensor && scaledTensor && convert) return
  const [{ name, release }] = packages
  throw new RangeError(
    `Cannot compute in ${precision}: the library must be that of ${name} (${release}) or newer, current value is ${file}`,
  )
}

/**
 * Loads XNNPACK into this process, once.
 * @throws {Error} naming Debian's packages where it, koffi, or one of the functions is missing.
 */
export function loadXnnpack(): XnnLibrary {
  loaded ??= open()
  return loaded
}

function open(): XnnLibrary {
  const koffi = loadKoffi()
  const library = ForeignLibrary.open(
    koffi,
    packages.map(({ file }) => file),
  )
  const pools = ForeignLibrary.open(koffi, threadPoolFiles)
  if (library === undefined || pools === undefined) throw new Error(`XNNPACK is missing: ${installHint}`)
  const functions = mapValues(declarations, ([name, letters]) => checked(library, name, letters))
  const later = mapValues(laterDeclarations, ([name, letters]) => {
    try {
      return checked(library, name, letters)
    } catch {
      return undefined
    }
  })
  const createPool = pools.declare('pthreadpool_create', 'void *', 'z')
  functions.initialize(null)
  return {
    ...functions,
    ...later,
    file: library.file,
    koffi,
    createThreadPool: (threads) => {
      const pool = createPool(threads) as unknown as bigint | null
      if (pool === null) throw new Error(`Cannot start ${threads} threads for XNNPACK`)
      return pool
    },
  }
}

/** What to install for it. */
const installHint = packages.map(({ name, release }) => `apt-get install ${name} (${release})`).join(' or ')

/** Names of the files that are loaded, newest first. */
export const libraryFiles: readonly string[] = packages.map(({ file }) => file)

function checked(library: ForeignLibrary, name: string, letters: string): ForeignFunction {
  const call = library.declare(name, 'int', letters)
  return (...values) => {
    const status = call(...values)
    if (status !== 0) throw new Error(`${name} failed: ${statuses[status] ?? `status ${status}`}`)
    return status
  }
}

function mapValues<Key extends string, From, To>(
  from: Readonly<Record<Key, From>>,
  map: (value: From) => To,
): Record<Key, To> {
  const entries = Object.entries<From>(from).map(([key, value]) => [key, map(value)])
  return Object.fromEntries(entries) as Record<Key, To>
}
