// The last line of CI: how many tests passed, failed and were skipped, from the report that the test run wrote.
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(new URL('../test-report.json', import.meta.url), 'utf8'))
const { numPassedTests, numFailedTests, numPendingTests } = report
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''
console.log(`${numPassedTests} passed, ${numFailedTests} failed${skipped}`)
