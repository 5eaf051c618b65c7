/** Least recently used out first: which of a set of things of known size may stay within a budget. */
export class ByteBudget {
  private readonly limitBytes: number
  /** Least recently used first. */
  private readonly sizes = new Map<string, number>()
  private totalBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  has(key: string): boolean {
    return this.sizes.has(key)
  }

  /** True where a thing of so many bytes can ever be kept. */
  fits(bytes: number): boolean {
    return bytes <= this.limitBytes
  }

  /** Marks a key as used now. @returns Whether it is kept. */
  use(key: string): boolean {
    const bytes = this.sizes.get(key)
    if (bytes === undefined) return false
    this.sizes.delete(key)
    this.sizes.set(key, bytes)
    return true
  }

  /**
   * Keeps a new key as the one used last.
   * @returns The keys that have to go for it.
   * @throws {RangeError} where it does not fit even alone.
   */
  add(key: string, bytes: number): string[] {
    if (!this.fits(bytes))
      throw new RangeError(
        `Cannot keep ${key}: size must be at most ${this.limitBytes}, current value is ${bytes}`,
      )
    this.remove(key)
    const evicted: string[] = []
    for (const oldest of this.sizes.keys()) {
      if (this.totalBytes + bytes <= this.limitBytes) break
      evicted.push(oldest)
      this.remove(oldest)
    }
    this.sizes.set(key, bytes)
    this.totalBytes += bytes
    return evicted
  }

  remove(key: string): void {
    this.totalBytes -= this.sizes.get(key) ?? 0
    this.sizes.delete(key)
  }
}
