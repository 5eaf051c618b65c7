/**
 * What has been acquired, released in the opposite order. As `AsyncDisposableStack`, which Node 20 has not, except that
 * it can be used again after a release.
 */
export class ReleaseStack {
  private releases: (() => unknown)[] = []

  add(release: () => unknown): void {
    this.releases.push(release)
  }

  /**
   * Each is awaited before the next; one that fails does not keep the others. Safe to repeat.
   * @throws {AggregateError} of what failed, after everything was tried.
   */
  async releaseAll(): Promise<void> {
    const failures: unknown[] = []
    for (let release = this.releases.pop(); release !== undefined; release = this.releases.pop()) {
      try {
        await release()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) {
      const text = failures.map((error) => (error instanceof Error ? error.message : String(error)))
      throw new AggregateError(failures, `Cannot release everything: ${text.join('; ')}`)
    }
  }
}
