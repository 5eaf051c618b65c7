/**
 * A vitest reporter: at the end one line for each reason why tests were skipped. A test that is skipped without one
 * (`skip(condition, reason)` of its context) is a fault of the test, and fails the run.
 */
export class SkippedReasons {
  /** @param {readonly string[]} notes What else did not run, in words. */
  constructor(notes) {
    this.notes = notes
  }

  onTestRunEnd(modules) {
    const counts = new Map()
    const unexplained = []
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const reason = test.result().note
        if (reason === undefined) unexplained.push(`${module.relativeModuleId}: ${test.fullName}`)
        else counts.set(reason, (counts.get(reason) ?? 0) + 1)
      }
    }
    for (const note of this.notes) console.log(`not run: ${note}`)
    for (const [reason, count] of counts) console.log(`${count} skipped: ${reason}`)
    if (unexplained.length === 0) return
    console.error(`Skipped without a reason:\n  ${unexplained.join('\n  ')}`)
    process.exitCode = 1
  }
}
