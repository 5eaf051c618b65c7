/**
 * Levels of a quarter octave each: `klt:<level>` has steps of reference * 2^(weight / 8 - level / 4). Those below 0 are for
 * maps of which little is needed, such as ResNet50's.
 */
export const kltLevels = { coarsest: -16, finest: 63 } as const
/** Coefficients are coded with the model of their expected magnitude in steps, a quarter octave to a model. */
export const kltModels = 48
/** Codes -15..15, and 0 for an escape. */
export const kltSymbols = 32
/** Symbol of code 0; symbol 0 is the escape. */
export const zeroSymbol = kltSymbols / 2

export interface KltShape {
  readonly channels: number
  readonly height: number
  readonly width: number
  /** The map is divided into equal tiles; what sticks out repeats the border. */
  readonly tileHeight: number
  readonly tileWidth: number
  /** Components that are sent: the first of the channel basis. */
  readonly kept: number
}

/**
 * What calibration learned of one tensor. `area` below is tileHeight * tileWidth; a coefficient has a component
 * k < kept of the channels' basis and a pattern f < area of the spatial one.
 */
export interface KltParameters extends KltShape {
  /** Step at level 0 and weight 0. Positive. */
  readonly reference: number
  /** Of each channel. */
  readonly mean: Float32Array<ArrayBuffer>
  /** kept x channels, rows orthonormal, largest variance first. */
  readonly basis: Float32Array<ArrayBuffer>
  /** area x area, rows orthonormal, largest variance first. */
  readonly spatial: Float32Array<ArrayBuffer>
  /** kept x area: mean magnitude, log2 in eighths relative to `reference`. */
  readonly scale: Int8Array<ArrayBuffer>
  /** kept x area: log2 in eighths of the step; coefficients to which the output is sensitive have small ones. */
  readonly weight: Int8Array<ArrayBuffer>
  /** height x width: log2 in eighths of what values are multiplied by, so that places that matter keep more. */
  readonly emphasis: Int8Array<ArrayBuffer>
  /** kltModels x 2 quantisers x kltSymbols: see `modelWeight`. */
  readonly models: Uint8Array<ArrayBuffer>
  /** First 4 bytes of SHA-256 over all of it: travels with every tensor, so that a mismatch is an error. */
  readonly hash: number
}

/** A model's bytes are logarithms: 0 is weight 1, each 16 a factor of 2. Whole numbers, alike on every machine. */
export function modelWeight(level: number): number {
  return Math.max(1, Math.floor((sixteenths[level & 15]! * 2 ** (level >> 4)) / 65536))
}

/** 2^(i/16) times 2^16, i = 0..15: written down, because `Math.pow` may differ between machines. */
const sixteenths = [
  65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752, 92682, 96785, 101070, 105545, 110218, 115098,
  120194, 125515,
]
