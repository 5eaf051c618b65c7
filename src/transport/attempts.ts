import { type Backoff, retryDelayMs } from './backoff.ts'

/** Only a connection that lasted this long shows that the next may be tried without growing pauses. */
const steadyMs = 10_000
/** After so many that did not last, one after the other, somebody is suspected: few brokers say that they replaced us. */
const suspiciousBriefs = 3

/** Attempts at one connection after the other, and the pauses between them. */
export class Attempts {
  readonly #backoff: Backoff
  readonly #random: () => number
  #number = 1
  /** Sessions in a row that were made and soon lost. */
  #briefs = 0

  constructor(backoff: Backoff, random: () => number) {
    this.#backoff = backoff
    this.#random = random
  }

  /** Of the attempt that is made now, from 1. */
  get number(): number {
    return this.#number
  }

  begin(): void {
    this.#number = 1
  }

  /**
   * @param lastedMs of the session; undefined where none was made
   * @returns the pause before the next, and what may be behind it
   */
  failed(lastedMs: number | undefined): { readonly delayMs: number; readonly hint: string } {
    const isSteady = lastedMs !== undefined && lastedMs >= steadyMs
    if (isSteady) {
      this.#number = 1
      this.#briefs = 0
    } else if (lastedMs !== undefined) this.#briefs++
    const delayMs = retryDelayMs(this.#number, this.#backoff, this.#random)
    this.#number++
    const isSuspicious = this.#briefs >= suspiciousBriefs
    const hint = isSuspicious ? ` ${this.#briefs} times soon: perhaps another client uses this id` : ''
    return { delayMs, hint }
  }
}
