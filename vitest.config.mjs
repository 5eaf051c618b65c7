import { defineConfig } from 'vitest/config'

// Tests run from dist/: worker threads and child processes start from the same compiled files that ship.
const all = 'dist/test/**/*.test.js'
// What is checked there is a rate in real time, so nothing else may run beside it.
const alone = 'dist/test/lab/link-emulator.test.js'

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    pool: 'forks',
    reporters: ['default', 'json'],
    outputFile: { json: 'test-report.json' },
    projects: [
      { extends: true, test: { name: 'all', include: [all], exclude: [alone], sequence: { groupOrder: 0 } } },
      { extends: true, test: { name: 'alone', include: [alone], sequence: { groupOrder: 1 } } },
    ],
  },
})
