import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { textTable } from '../../src/terminal/text-table.ts'
import { wrapText } from '../../src/terminal/wrap-text.ts'

test('textTable aligns numbers to the right and puts what is too wide below', () => {
  const rows = [
    ['model', 'layers', 'bytes'],
    ['one', 7, '1,234'],
    ['another', 12, '56'],
  ]
  expect(textTable(rows, 80)).toBe(
    ['model    layers  bytes', 'one           7  1,234', 'another      12     56'].join('\n'),
  )
  expect(textTable(rows, 16)).toBe(
    [
      'model    layers',
      'one           7',
      'another      12',
      '',
      'model    bytes',
      'one      1,234',
      'another     56',
    ].join('\n'),
  )
})

test('no line of a table is wider than the terminal where two columns fit, and no cell is lost', () => {
  const cell = fc.string({ unit: fc.constantFrom('x', 'y', '1'), minLength: 1, maxLength: 9 })
  const table = fc
    .integer({ min: 1, max: 6 })
    .chain((columns) =>
      fc.array(fc.array(cell, { minLength: columns, maxLength: columns }), { minLength: 1 }),
    )
  fc.assert(
    fc.property(table, fc.integer({ min: 20, max: 60 }), (rows, columns) => {
      const text = textTable(rows, columns)
      const wide = text.split('\n').filter(({ length }) => length > columns)
      const missing = rows.flat().filter((one) => !text.includes(one))
      expect([...wide, ...missing]).toEqual([])
    }),
  )
})

test('wrapText keeps every word', () => {
  const words = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 12 }))
  fc.assert(
    fc.property(words, (list) => {
      const lines = wrapText(list.join(' '), 20, '', '  ').split('\n')
      const long = lines.filter((line) => line.length > 20 && line.trim().includes(' '))
      expect(long).toEqual([])
      expect(lines.map((line) => line.trim()).join(' ')).toBe(list.join(' '))
    }),
  )
})
