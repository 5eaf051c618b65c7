import { frequencyTables } from '../entropy/frequency-tables.ts'
import { createKernels } from '../kernels/kernels.ts'
import { type CodesReader, type CodesWriter, codesReader, codesWriter } from './klt-codes.ts'
import { type KltParameters, kltSymbols, modelWeight } from './klt-parameters.ts'
import { coefficientCount, type MapTransform, mapTransform, sharedTransform } from './map-transform.ts'
import { tileCount } from './tile-transform.ts'

/** What all levels of the same parameters compute with. */
export interface MapCoder {
  readonly transform: MapTransform
  readonly write: CodesWriter
  readonly read: CodesReader
}

const made = new WeakMap<KltParameters, MapCoder>()

/** The coder of parameters that stay, made once. */
export function sharedCoder(parameters: KltParameters): MapCoder {
  const known = made.get(parameters) ?? mapCoder(parameters, sharedTransform(parameters), createKernels)
  made.set(parameters, known)
  return known
}

/** A coder by other kernels than the usual ones, to compare with. */
export function coderBy(create: typeof createKernels, parameters: KltParameters): MapCoder {
  return mapCoder(parameters, mapTransform(parameters, create), create)
}

/** Either direction gets its memory on its first use: an edge only encodes. */
function mapCoder(
  parameters: KltParameters,
  transform: MapTransform,
  create: typeof createKernels,
): MapCoder {
  const { scale, models } = parameters
  let writer: CodesWriter | undefined
  let reader: CodesReader | undefined
  const map = () => ({
    tables: frequencyTables(Array.from(models, modelWeight), kltSymbols),
    most: scale.length * tileCount(parameters),
    values: coefficientCount(parameters),
  })
  return {
    transform,
    write(coefficients, placed, front) {
      writer ??= codesWriter(map(), create)
      return writer(coefficients, placed, front)
    },
    read(bytes, placed) {
      reader ??= codesReader(map(), create)
      return reader(bytes, placed)
    },
  }
}
