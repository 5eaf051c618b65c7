import type { CalibrationRow } from '../codec/calibration-file.ts'
import { featureCodec } from '../codec/feature-codecs.ts'
import { borderShape, elementsOf, type LayerGraph } from '../model-graph/layer-graph.ts'
import { tensorsToRiders } from '../model-graph/riders.ts'
import { singleWounds } from '../model-graph/single-wounds.ts'
import type { CrossingOption } from './plan-costs.ts'

/** Of a codec that nobody has calibrated, as a few times were seen: a value takes about a nanosecond on either side. */
const usPerValue = 0.001

/** A picture encoded for sending needs about one byte for six values of the input. */
export const valuesPerEncodedByte = 6

/**
 * How each tensor may cross, by tensor id: as calibrated where it crosses alone at a calibrated wound, else in a codec
 * that needs no calibration; not at all where a rider follows. O(layers + tensors + rows).
 * @param rows Of the model's calibration, those that may be used.
 */
export function crossingOptions(graph: LayerGraph, rows: readonly CalibrationRow[] = []): CrossingOption[][] {
  const ridden = tensorsToRiders(graph)
  const wounds = new Map(singleWounds(graph).map(({ id, tensors }) => [tensors[0], id]))
  return graph.tensors.map((tensor) => {
    const wound = wounds.get(tensor.id)
    const calibrated = rows.filter((row) => row.wound === wound)
    if (ridden.has(tensor.id) && calibrated.length === 0) return []
    if (calibrated.length > 0) {
      return calibrated.map(({ codec, bytesMean, encodeMs, decodeMs }) => ({
        codec,
        bytes: Math.round(bytesMean),
        encodeUs: Math.round(1000 * encodeMs),
        decodeUs: Math.round(1000 * decodeMs),
      }))
    }
    const values = elementsOf(tensor)
    const us = Math.round(usPerValue * values)
    if (graph.inputs.includes(tensor.id)) {
      const bytes = Math.ceil(values / valuesPerEncodedByte)
      return [{ codec: 'received', bytes, encodeUs: 0, decodeUs: us }]
    }
    const bytes = Math.round(featureCodec('uint8').expectedBytes(values, borderShape(tensor)[0]!))
    return [{ codec: 'uint8', bytes, encodeUs: us, decodeUs: us }]
  })
}
