import { expect, test } from 'vitest'
import { type MachineFacts, machineWarnings } from '../../src/machine/machine-warnings.ts'

const well: MachineFacts = {
  threads: 4,
  cores: 4,
  timeZone: 'Europe/Berlin',
  wallMs: Date.UTC(2027, 5, 1),
}
const about = (changes: Partial<MachineFacts>) =>
  machineWarnings({ ...well, ...changes }).map((one) => one.about)

test('machineWarnings has nothing to say of a machine that is set up well', () => {
  expect(about({})).toEqual([])
  expect(about({ timeZone: undefined })).toEqual([])
  expect(about({ timeZone: ':America/New_York' })).toEqual([])
  expect(about({ timeZone: 'UTC' })).toEqual([])
})

test('machineWarnings tells of threads that wait for each other', () => {
  expect(about({ cores: 1 })).toEqual(['threads'])
})

test('machineWarnings tells of time zones that Node takes as UTC without a word', () => {
  expect(about({ timeZone: '<+03>-3' })).toEqual(['time zone'])
  expect(about({ timeZone: 'Europe/Berlim' })).toEqual(['time zone'])
})

test('machineWarnings tells of a clock that was never set', () => {
  expect(about({ wallMs: 86_400_000 })).toEqual(['clock'])
})
