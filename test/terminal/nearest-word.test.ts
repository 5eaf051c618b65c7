import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { editDistance, nearestWord } from '../../src/terminal/nearest-word.ts'

test('a mistyped word means the nearest one, and a strange one none', () => {
  const known = ['agent', 'worker', 'wounds', 'models', 'infer']
  expect(nearestWord('agnet', known)).toBe('agent')
  expect(nearestWord('wound', known)).toBe('wounds')
  expect(nearestWord('model', known)).toBe('models')
  expect(nearestWord('operate', known)).toBeUndefined()
})

/** By its definition, without a table. */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const edits = [
    slowDistance(a.slice(1), b) + 1,
    slowDistance(a, b.slice(1)) + 1,
    slowDistance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
  ]
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0])
    edits.push(slowDistance(a.slice(2), b.slice(2)) + 1)
  return Math.min(...edits)
}

test('editDistance equals its recursive definition', () => {
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }).map((letters) => letters.join(''))
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(slowDistance(a, b))
    }),
  )
})
