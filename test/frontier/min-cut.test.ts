import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { minCut } from '../../src/frontier/min-cut.ts'

const nodes = 7
/** Any is right, also where several nodes share a place. */
const order = fc.array(fc.nat(nodes), { minLength: nodes, maxLength: nodes })
const arc = fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1), fc.nat(9), fc.nat(9))

test('minCut() is the least of all cuts, of equal ones that with the fewest nodes at the source', () => {
  fc.assert(
    fc.property(fc.array(arc, { maxLength: 24 }), fc.option(order, { nil: undefined }), (drawn, order) => {
      const arcs = drawn.filter(([from, to]) => from !== to)
      const { value, sourceSide } = minCut({
        nodes,
        source: 0,
        sink: 1,
        ends: arcs.flatMap(([from, to]) => [to, from]),
        capacities: arcs.flatMap(([, , forth, back]) => [forth, back]),
        ...(order && { order }),
      })
      const costOf = (side: number) =>
        arcs.reduce((sum, [from, to, forth, back]) => {
          const [a, b] = [(side >> from) & 1, (side >> to) & 1]
          return sum + (a === 1 && b === 0 ? forth : 0) + (a === 0 && b === 1 ? back : 0)
        }, 0)
      const sides = Array.from({ length: 2 ** nodes }, (_, side) => side).filter((side) => (side & 3) === 1)
      const least = Math.min(...sides.map(costOf))
      const smallest = sides
        .filter((side) => costOf(side) === least)
        .toSorted((a, b) => population(a) - population(b))[0]!
      expect(value).toBe(least)
      expect(sourceSide.reduce((side, bit, node) => side + bit * 2 ** node, 0)).toBe(smallest)
    }),
    { numRuns: 2000 },
  )
})

function population(side: number): number {
  return side.toString(2).replaceAll('0', '').length
}
