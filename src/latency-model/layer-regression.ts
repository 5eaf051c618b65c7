/**
 * What a machine takes for layers it was not measured on, learned from pieces of models that it was measured on.
 *
 * A piece takes a time for the call and the sum over its layers of a time per layer, per operation, per byte moved and per byte of weights, each
 * of its own for each kind of layer. Recursive least squares of the relative error in information form (sums of products,
 * decayed with each piece), because that stays exact and lets no time be negative: the sums are minimised over times of
 * at least 0 by coordinate descent. What a few pieces leave open stays near one slowness for all: a ridge around the
 * median ratio to a nominal machine.
 *
 * O(parts^2) per piece and per sweep, with 29 parts.
 * Sources: Kang et al., "Neurosurgeon", ASPLOS 2017 (regression per kind of layer); Franc, Hlavac and Navara, "Sequential
 * coordinate-wise algorithm for the non-negative least squares problem", CAIP 2005.
 */
import { median } from 'simple-statistics'
import { type LayerWork, layerKinds } from './layer-work.ts'

/** Layers that were timed together, and how long they took. */
export interface MeasuredPiece {
  readonly works: readonly LayerWork[]
  readonly ms: number
}

/** Of a machine that is only a scale: 10 Gflop/s, 4 GB/s, 20 us a layer. */
const nominal = { msPerCall: 0.1, msPerLayer: 0.02, operationsPerMs: 1e7, bytesPerMs: 4e6 }
const partsPerKind = 4
/** The last is the call itself: handing a piece to the engine and its result back. */
const parts = partsPerKind * layerKinds.length + 1

export interface LayerRegressionOptions {
  /** Weight that a piece keeps when the next one comes. */
  readonly memory?: number
  /** Weight of the common slowness against what pieces say of a part: little, as it is to decide only where they say nothing. */
  readonly caution?: number
}

export class LayerRegression {
  private readonly memory: number
  private readonly caution: number
  private readonly products = new Float64Array(parts * parts)
  private readonly targets = new Float64Array(parts)
  private readonly ratios: number[] = []
  private fitted: Float64Array | undefined

  constructor({ memory = 0.999, caution = 1e-4 }: LayerRegressionOptions = {}) {
    this.memory = memory
    this.caution = caution
  }

  /** A piece without layers, or of a time that no clock tells, teaches nothing. */
  observe({ works, ms }: MeasuredPiece): void {
    const row = nominalParts(works)
    const nominalMs = row.reduce((sum, part) => sum + part, 0)
    if (!(ms >= leastMs && ms <= mostMs) || works.length === 0) return
    for (let i = 0; i < parts; i++) {
      this.targets[i] = this.memory * this.targets[i]! + row[i]! / ms
      for (let j = 0; j < parts; j++) {
        const product = (row[i]! / ms) * (row[j]! / ms)
        this.products[i * parts + j] = this.memory * this.products[i * parts + j]! + product
      }
    }
    this.ratios.push(ms / nominalMs)
    if (this.ratios.length > remembered) this.ratios.shift()
    this.fitted = undefined
  }

  /**
   * Milliseconds, at least 0; as on the nominal machine while nothing was observed.
   * @param calls In how many pieces the layers are handed over.
   */
  predictMs(works: readonly LayerWork[], calls = 1): number {
    this.fitted ??= this.fit()
    const slowness = this.fitted
    return nominalParts(works, calls).reduce((sum, part, i) => sum + part * slowness[i]!, 0)
  }

  private fit(): Float64Array {
    const common = this.ratios.length === 0 ? 1 : median(this.ratios)
    // In units of the common slowness, so that the ridge is the same on any machine.
    const ridge = this.caution
    const slowness = new Float64Array(parts).fill(1)
    for (let sweep = 0; sweep < maximumSweeps; sweep++) {
      let moved = 0
      for (let i = 0; i < parts; i++) {
        let gradient = ridge * (slowness[i]! - 1) - common * this.targets[i]!
        for (let j = 0; j < parts; j++) {
          gradient += common * common * this.products[i * parts + j]! * slowness[j]!
        }
        const curvature = ridge + common * common * this.products[i * parts + i]!
        const next = Math.max(0, slowness[i]! - gradient / curvature)
        moved = Math.max(moved, Math.abs(next - slowness[i]!))
        slowness[i] = next
      }
      if (moved < 1e-9) break
    }
    return slowness.map((value) => value * common)
  }
}

/** No clock tells less, and nothing here takes longer than an hour. */
const [leastMs, mostMs] = [1e-3, 3_600_000]
const remembered = 1000
const maximumSweeps = 2000

/** What a nominal machine takes for each part of some layers. */
function nominalParts(works: readonly LayerWork[], calls = 1): Float64Array {
  const row = new Float64Array(parts)
  row[parts - 1] = calls * nominal.msPerCall
  for (const { kind, operations, bytesMoved, weightBytes } of works) {
    const first = partsPerKind * layerKinds.indexOf(kind)
    row[first]! += nominal.msPerLayer
    row[first + 1]! += operations / nominal.operationsPerMs
    row[first + 2]! += bytesMoved / nominal.bytesPerMs
    row[first + 3]! += weightBytes / nominal.bytesPerMs
  }
  return row
}
