/**
 * A test runner for Stryker that keeps the tests loaded: a change is switched on, the tests that reach it run, and it is
 * switched off again. Vitest begins threads anew for each of the changes; what takes it an hour and a half takes minutes
 * here. For tests that need no process, thread or clock.
 */
import { readdirSync } from 'node:fs'
import { register } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { commonTokens, declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import {
  DryRunStatus,
  determineHitLimitReached,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner'
import { configureGlobal } from 'fast-check'
import { collect, Skipped } from './vitest-in-process.mjs'

/** Name by which Stryker's changed code finds what is switched on. */
const changes = (globalThis.__stryker__ ??= {})

/**
 * A change that is met a hundred times as often as in all tests without it is endless, Stryker says; ten times are enough
 * to say so, and take a tenth of the time.
 */
const sooner = 10

class InProcessRunner {
  static inject = [commonTokens.options]

  constructor(options) {
    this.folders = options.decides
    this.tests = undefined
  }

  /** A change that is met while a module loads needs a process of its own. */
  capabilities() {
    return { reloadEnvironment: false }
  }

  async init() {
    register('./resolve-vitest.mjs', import.meta.url)
    // The same examples in every run, so that a score can be told again; the first that tells is enough.
    configureGlobal({ seed: 1, endOnFailure: true })
    // Of a changed program, and told by the test that waits for it.
    process.on('unhandledRejection', () => {})
  }

  async dryRun() {
    const tests = []
    for (const test of await this.load()) {
      changes.currentTestId = test.id
      tests.push(await outcomeOf(test))
    }
    changes.currentTestId = undefined
    return { status: DryRunStatus.Complete, tests, mutantCoverage: changes.mutantCoverage }
  }

  async mutantRun({ activeMutant, mutantActivation, testFilter, hitLimit: most }) {
    const hitLimit = most && most / sooner
    changes.hitLimit = hitLimit
    changes.hitCount = 0
    if (mutantActivation === 'static') changes.activeMutant = activeMutant.id
    const all = await this.load()
    changes.activeMutant = activeMutant.id
    const wanted = testFilter && new Set(testFilter)
    const tests = []
    // What is quick first: the first that fails ends it.
    for (const test of all.toSorted((a, b) => a.timeMs - b.timeMs)) {
      if (wanted !== undefined && !wanted.has(test.id)) continue
      const outcome = await outcomeOf(test)
      tests.push(outcome)
      if (outcome.status === TestStatus.Failed) break
    }
    changes.activeMutant = undefined
    const endless = determineHitLimitReached(changes.hitCount, hitLimit)
    return toMutantRunResult(endless ?? { status: DryRunStatus.Complete, tests })
  }

  /** All tests, loaded when they are first wanted. */
  async load() {
    if (this.tests !== undefined) return this.tests
    this.tests = []
    for (const file of this.folders.flatMap(testFiles)) {
      const collected = await collect(() => import(pathToFileURL(resolve(file)).href))
      for (const { name, run } of collected)
        this.tests.push({ id: `${file}#${name}`, name, fileName: file, run, timeMs: 0 })
    }
    return this.tests
  }
}

/** Of a folder or a file's name without its ending. */
export function testFiles(name) {
  const file = `dist/test/${name}.test.js`
  try {
    const within = readdirSync(`dist/test/${name}`, { recursive: true })
    return within.filter((each) => each.endsWith('.test.js')).map((each) => join('dist/test', name, each))
  } catch {
    return [file]
  }
}

async function outcomeOf(test) {
  const { id, name, fileName } = test
  const beganMs = performance.now()
  const of = () => {
    test.timeMs = performance.now() - beganMs
    return { id, name, fileName, timeSpentMs: test.timeMs }
  }
  try {
    await test.run()
    return { ...of(), status: TestStatus.Success }
  } catch (error) {
    if (error instanceof Skipped) return { ...of(), status: TestStatus.Skipped }
    return { ...of(), status: TestStatus.Failed, failureMessage: `${error?.message ?? error}` }
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner)]

export const strykerValidationSchema = {
  properties: {
    decides: {
      description: 'Folders and files of `dist/test` whose tests are to notice changes.',
      type: 'array',
      items: { type: 'string' },
    },
  },
}
