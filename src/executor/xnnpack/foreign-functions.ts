import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import type * as Koffi from 'koffi'

/** An address, as koffi hands it out. */
export type Pointer = bigint

/** One value handed to or taken from a runtime: `xnn_external_value`. */
export interface ExternalValue {
  readonly id: number
  readonly data: Pointer
}

type Argument = Pointer | number | null | readonly number[] | readonly ExternalValue[] | [Pointer] | [number]

/** A C function; what its declaration does not allow is refused before it is called. */
export type ForeignFunction = (...values: Argument[]) => number

/** @throws {Error} where the package is not installed or has no build for this machine. */
export function loadKoffi(): typeof Koffi {
  return createRequire(import.meta.url)('koffi') as typeof Koffi
}

const isUnsigned = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0
const isUint32 = (value: unknown): boolean => isUnsigned(value) && (value as number) <= 0xffff_ffff
const isPointer = (value: unknown): boolean => typeof value === 'bigint' && value > 0n
const isList = (holds: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(holds)
const isPlace = (value: unknown): boolean => Array.isArray(value) && value.length === 1

/**
 * What a letter of a declaration stands for: the C type and the values it takes. Sizes are `size_t` and not 64 bits, as
 * armhf has 4 bytes there.
 */
const kinds = {
  p: { type: 'void *', must: 'an address', fits: isPointer },
  n: {
    type: 'void *',
    must: 'an address or null',
    fits: (value: unknown) => value === null || isPointer(value),
  },
  u: { type: 'uint32_t', must: 'an unsigned integer of 32 bits', fits: isUint32 },
  i: {
    type: 'int32_t',
    must: 'an integer of 32 bits',
    fits: (value: unknown) => (Number(value) | 0) === value,
  },
  z: { type: 'size_t', must: 'a size', fits: isUint32 },
  // An open bound is infinite.
  f: {
    type: 'float',
    must: 'a number',
    fits: (value: unknown) => typeof value === 'number' && !Number.isNaN(value),
  },
  Z: { type: 'const size_t *', must: 'sizes', fits: isList(isUint32) },
  P: { type: 'out void *', must: 'a place for an address', fits: isPlace },
  U: { type: 'out uint32_t', must: 'a place for an integer', fits: isPlace },
  X: {
    type: 'xnn_external_value',
    must: 'external values',
    fits: isList(
      (value) => isPointer((value as ExternalValue).data) && isUint32((value as ExternalValue).id),
    ),
  },
} as const

/** One letter of {@link kinds} per parameter; blanks only for reading. */
type Declaration = string

/** A shared library out of a list of names that are known, and functions of it. */
export class ForeignLibrary {
  readonly file: string
  private readonly koffi: typeof Koffi
  private readonly handle: Koffi.LibraryHandle

  private constructor(koffi: typeof Koffi, file: string, handle: Koffi.LibraryHandle) {
    this.koffi = koffi
    this.file = file
    this.handle = handle
  }

  /** The first of `files` that can be loaded; undefined where none can. */
  static open(koffi: typeof Koffi, files: readonly string[]): ForeignLibrary | undefined {
    for (const file of files) {
      try {
        return new ForeignLibrary(koffi, file, koffi.load(file))
      } catch {
        // Not there: the next name.
      }
    }
    return undefined
  }

  /** @throws {Error} where the library has no such symbol. */
  declare(name: string, result: 'int' | 'void' | 'void *', declaration: Declaration): ForeignFunction {
    const parameters = declaration
      .replaceAll(' ', '')
      .split('')
      .map((letter) => kinds[letter as keyof typeof kinds])
    const call = this.handle.func(
      name,
      result,
      parameters.map(({ type }) => this.typeOf(type)),
    )
    return (...values) => {
      if (values.length !== parameters.length)
        throw new TypeError(
          `Cannot call ${name}: arguments must be ${parameters.length}, current value is ${values.length}`,
        )
      for (const [position, { must, fits }] of parameters.entries()) {
        if (!fits(values[position]))
          throw new TypeError(
            `Cannot call ${name}: argument ${position + 1} must be ${must}, current value is ${inspect(values[position])}`,
          )
      }
      return call(...values) as number
    }
  }

  private typeOf(type: string): Koffi.TypeObject | string {
    const { koffi } = this
    if (type === 'xnn_external_value') return koffi.pointer(externalType(koffi))
    if (type.startsWith('out ')) return koffi.out(koffi.pointer(type.slice(4))) as unknown as Koffi.TypeObject
    return type
  }
}

let external: Koffi.TypeObject | undefined

/** A type's name can be given once. */
function externalType(koffi: typeof Koffi): Koffi.TypeObject {
  external ??= koffi.struct('xnn_external_value', { id: 'uint32_t', data: 'void *' })
  return external
}
