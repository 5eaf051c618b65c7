import { expect, test } from 'vitest'
import { allowedWounds } from '../../src/scheduler/private-wounds.ts'
import { toySetup } from './toy-setup.ts'

const { graph, chain } = toySetup()
const allowed = (privacy: string) => allowedWounds(graph, chain.wounds, privacy).map(({ id }) => id)

test('allowedWounds() lets nothing leave that is before the wound', () => {
  expect(allowed('none')).toEqual(['input', 'middle', 'local'])
  expect(allowed('noInput')).toEqual(['middle', 'local'])
  expect(allowed('middle')).toEqual(['middle', 'local'])
  expect(allowed('local')).toEqual(['local'])
  expect(() => allowed('elsewhere')).toThrow(/elsewhere/)
})
