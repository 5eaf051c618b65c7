/**
 * What tests of pure code use of Vitest, with its own expectations: tests are only written down, and run one by one by
 * `in-process-runner.mjs`.
 */
export { expect } from 'vitest'

/** Thrown by a test that cannot run here. */
export class Skipped extends Error {}

const context = {
  skip(condition = true, reason = '') {
    if (condition) throw new Skipped(reason)
  },
}

function suite(parent, name) {
  return { parent, name, beforeAll: [], beforeEach: [], afterEach: [], begun: false }
}

let current = suite(undefined, '')
let tests = []

/** @returns What a file writes down while `load` imports it. */
export async function collect(load) {
  current = suite(undefined, '')
  tests = []
  await load()
  return tests
}

const fullName = ({ parent, name }) => (parent === undefined ? name : `${fullName(parent)} ${name}`.trim())
const lineage = (of) => (of === undefined ? [] : [...lineage(of.parent), of])

function formatted(name, values) {
  let next = 0
  return name.replace(/%[sdifjo%]/g, (token) => (token === '%%' ? '%' : String(values[next++])))
}

export function test(name, body) {
  const owner = current
  tests.push({
    name: fullName({ parent: owner, name }),
    async run() {
      const suites = lineage(owner)
      for (const each of suites) {
        if (each.begun) continue
        each.begun = true
        for (const hook of each.beforeAll) await hook()
      }
      for (const each of suites) for (const hook of each.beforeEach) await hook()
      try {
        await body(context)
      } finally {
        for (const each of suites.toReversed()) for (const hook of each.afterEach) await hook()
      }
    },
  })
}

test.each = (rows) => (name, body) => {
  for (const [i, row] of rows.entries()) {
    const values = Array.isArray(row) ? row : [row]
    test(`${formatted(name, values)} [${i}]`, () => body(...values))
  }
}

export function it(name, body) {
  test(name, body)
}

export function describe(name, body) {
  const outer = current
  current = suite(outer, name)
  body()
  current = outer
}

export const beforeAll = (hook) => void current.beforeAll.push(hook)
export const beforeEach = (hook) => void current.beforeEach.push(hook)
export const afterEach = (hook) => void current.afterEach.push(hook)
