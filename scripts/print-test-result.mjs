// The end of CI: which tests failed in all the runs whose reports it is given, since what they said stands far above, and
// in the last line how many passed, failed and were skipped.
import { readFileSync } from 'node:fs'

const sums = { passed: 0, failed: 0, skipped: 0 }
for (const file of process.argv.slice(2)) {
  const { passed, failed, skipped } = countsOf(file)
  sums.passed += passed
  sums.failed += failed
  sums.skipped += skipped
}
console.log(
  `${sums.passed} passed, ${sums.failed} failed${sums.skipped > 0 ? `, ${sums.skipped} skipped` : ''}`,
)
if (sums.failed > 0) process.exitCode = 1

/** A run that left no report has failed, and so has one in which a file could not even be loaded. */
function countsOf(file) {
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    console.error(`Cannot read the report of a test run: ${error.message}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  for (const { name, message, assertionResults } of report.testResults) {
    if (message) console.log(`failed: ${name}: ${message}`)
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status === 'failed') console.log(`failed: ${name}: ${fullName}\n${failureMessages.join('\n')}`)
    }
  }
  const { success, numPassedTests, numFailedTests, numPendingTests } = report
  const failed = numFailedTests === 0 && !success ? 1 : numFailedTests
  return { passed: numPassedTests, failed, skipped: numPendingTests }
}
