import { FrameError } from './frame-error.ts'

export interface FrameLimits {
  /** Whole frame. */
  readonly maxBytes: number
  readonly maxParts: number
  readonly maxRank: number
  /** UTF-8 bytes of one string. */
  readonly maxStringBytes: number
  /** Values of one part's tensor: what a decoder would allocate, however few bytes the part has. */
  readonly maxElements: number
}

/** What four bytes of 7 bits hold. */
export const largestNumber = 2 ** 28 - 1

export const defaultFrameLimits: FrameLimits = Object.freeze({
  maxBytes: 64 * 1024 * 1024,
  maxParts: 64,
  maxRank: 8,
  maxStringBytes: 4096,
  maxElements: 2 ** 24,
})

/** @throws {FrameError} `limit` */
export function checkLimit(verb: string, field: string, value: number, limit: number): void {
  if (value > limit) {
    throw new FrameError(
      'limit',
      `Cannot ${verb} frame: ${field} must be at most ${limit}, current value is ${value}`,
    )
  }
}

/**
 * Every axis a positive integer of 28 bits, rank and number of values within the limits. An empty shape is allowed.
 * @throws {FrameError} `limit` or `value`
 */
export function checkShape(verb: string, shape: readonly number[], limits: FrameLimits): void {
  checkLimit(verb, 'rank', shape.length, limits.maxRank)
  let elements = 1
  for (const axis of shape) {
    if (!Number.isInteger(axis) || axis < 1 || axis > largestNumber) {
      throw new FrameError(
        'value',
        `Cannot ${verb} frame: axes must be positive, current value is [${shape.join(', ')}]`,
      )
    }
    elements *= axis
  }
  checkLimit(verb, 'elements of a part', elements, limits.maxElements)
}

/** @throws {FrameError} `value` where it is not a finite, non-negative number of milliseconds. */
export function checkDuration(verb: string, field: string, value: number): void {
  if (!(value >= 0) || !Number.isFinite(value)) {
    throw new FrameError(
      'value',
      `Cannot ${verb} frame: ${field} must be finite and not negative, current value is ${value}`,
    )
  }
}
