import { defineConfig } from 'vitest/config'

// Tests run from dist/: worker threads and child processes start from the same compiled files that ship.
export default defineConfig({
  test: {
    include: ['dist/test/**/*.test.js'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    pool: 'forks',
    reporters: ['default', 'json'],
    outputFile: { json: 'test-report.json' },
  },
})
