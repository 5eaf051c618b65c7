/** Columns that are written before the next rows are read: what they touch stays in the cache. */
const strip = 64

/**
 * Writes a matrix of `rows` x `columns` values with its axes exchanged. Four rows at a time, whose values lie next to each
 * other afterwards: twice as fast as tiles of single values on x64.
 * @param to As many values, other memory than `values`.
 */
export function exchangeAxes(values: Float32Array, rows: number, columns: number, to: Float32Array): void {
  if (rows === 1 || columns === 1) to.set(values)
  else if (rows === 3) interleaveThree(values, columns, to)
  else if (rows < 4) exchangeRows(values, rows, columns, to)
  else exchangeFours(values, rows, columns, to)
}

/** A picture's channels: four times as fast as a row after the other. */
function interleaveThree(values: Float32Array, columns: number, to: Float32Array): void {
  for (let column = 0, at = 0; column < columns; column++, at += 3) {
    to[at] = values[column]!
    to[at + 1] = values[columns + column]!
    to[at + 2] = values[2 * columns + column]!
  }
}

function exchangeRows(values: Float32Array, rows: number, columns: number, to: Float32Array): void {
  for (let from = 0, row = 0; row < rows; row++)
    for (let at = row; at < to.length; at += rows) to[at] = values[from++]!
}

function exchangeFours(values: Float32Array, rows: number, columns: number, to: Float32Array): void {
  for (let first = 0; first < columns; first += strip) {
    const end = Math.min(first + strip, columns)
    for (let next = 0; next < rows; next += 4) {
      // The last four may be some of those before once more.
      const row = Math.min(next, rows - 4)
      const a = row * columns
      const [b, c, d] = [a + columns, a + 2 * columns, a + 3 * columns]
      for (let column = first, at = first * rows + row; column < end; column++, at += rows) {
        to[at] = values[a + column]!
        to[at + 1] = values[b + column]!
        to[at + 2] = values[c + column]!
        to[at + 3] = values[d + column]!
      }
    }
  }
}
