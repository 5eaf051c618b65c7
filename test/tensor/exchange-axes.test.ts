import { expect, test } from 'vitest'
import { exchangeAxes } from '../../src/tensor/exchange-axes.ts'

test('exchangeAxes: every value goes to its place, whatever the shape', () => {
  const sides = [1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 130]
  for (const rows of sides) {
    for (const columns of sides) {
      const values = new Float32Array(rows * columns).map((_, i) => i + 1)
      const to = new Float32Array(rows * columns)
      exchangeAxes(values, rows, columns, to)
      const expected = to.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!)
      expect({ rows, columns, to }).toEqual({ rows, columns, to: expected })
    }
  }
})
