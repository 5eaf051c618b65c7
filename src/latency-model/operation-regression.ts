import { linearRegression } from 'simple-statistics'

/** What a machine takes for work it was not measured on: milliseconds = base + perOperation x operations. */
export interface OperationRegression {
  readonly baseMs: number
  readonly msPerOperation: number
}

/**
 * Least squares over measured pieces of a model, O(n). One piece alone gives a line through zero; a negative base or
 * slope, which noise can produce over few pieces, is set to zero and the other parameter fitted again.
 * @throws {RangeError} for no measurement.
 */
export function fitOperations(pieces: readonly { operations: number; ms: number }[]): OperationRegression {
  if (pieces.length === 0) throw new RangeError('Cannot fit: there must be at least one measured piece')
  const totalOperations = pieces.reduce((sum, piece) => sum + piece.operations, 0)
  const totalMs = pieces.reduce((sum, piece) => sum + piece.ms, 0)
  const throughZero = { baseMs: 0, msPerOperation: totalOperations > 0 ? totalMs / totalOperations : 0 }
  if (pieces.length === 1) return throughZero
  const { m, b } = linearRegression(pieces.map((piece) => [piece.operations, piece.ms]))
  if (b < 0) return throughZero
  if (m < 0 || !Number.isFinite(m)) return { baseMs: totalMs / pieces.length, msPerOperation: 0 }
  return { baseMs: b, msPerOperation: m }
}

export function predictMs(regression: OperationRegression, operations: number): number {
  return regression.baseMs + regression.msPerOperation * operations
}
