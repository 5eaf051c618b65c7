import { expect, test } from 'vitest'
import { parseMahimahiTrace } from '../../lab/mahimahi-trace.ts'

test('parseMahimahiTrace reads one opportunity a line, with or without the last newline', () => {
  expect(parseMahimahiTrace('0\n3\n3\n12\n', 'x.up')).toEqual({ opportunitiesMs: [0, 3, 3, 12] })
  expect(parseMahimahiTrace('5\r\n7', 'x.up')).toEqual({ opportunitiesMs: [5, 7] })
})

test('parseMahimahiTrace names file, line and value of a fault', () => {
  const lines = Array.from({ length: 11 }, (_, index) => index)
  expect(() => parseMahimahiTrace([...lines, 'x', 20].join('\n'), 'a/b.up')).toThrow(
    "Cannot parse mahimahi trace a/b.up: line 12 must be an integer >= previous, current value is 'x'",
  )
  for (const bad of ['9', '-1', '1.5', '', '1e3', 'Infinity', '12 13'])
    expect(() => parseMahimahiTrace(`10\n${bad}\n30\n`, 't')).toThrow(
      `line 2 must be an integer >= previous, current value is '${bad}'`,
    )
  expect(() => parseMahimahiTrace('', 't')).toThrow("last line must be an integer > 0, current value is ''")
  expect(() => parseMahimahiTrace('0\n0\n', 't')).toThrow(
    "last line must be an integer > 0, current value is '0'",
  )
})
