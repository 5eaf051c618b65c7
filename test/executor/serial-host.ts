import { type Deferred, deferred } from '../../src/async/deferred.ts'
import { type Claim, take } from '../../src/executor/claim.ts'

interface Call {
  readonly name: string
  readonly claim: Claim
  readonly outcome: Deferred<string>
}

/** Computes what it is called with one after the other, as an inference thread does, each until it is told that it ends. */
export class SerialHost {
  private readonly calls: Call[] = []
  private current: Call | undefined

  get computing(): string | undefined {
    return this.current?.name
  }

  /** @throws where it was taken back before it began. */
  call(name: string, claim: Claim): Promise<string> {
    const outcome = deferred<string>()
    this.calls.push({ name, claim, outcome })
    if (this.current === undefined) this.begin()
    return outcome.promise
  }

  /** Ends what is computed, and begins at once what may be. */
  end(error?: Error): void {
    const { name, outcome } = this.current!
    this.current = undefined
    if (error === undefined) outcome.resolve(name)
    else outcome.reject(error)
    this.begin()
  }

  private begin(): void {
    for (let call = this.calls.shift(); call !== undefined; call = this.calls.shift()) {
      if (take(call.claim)) {
        this.current = call
        return
      }
      call.outcome.reject(new Error('Taken back before it began'))
    }
  }
}
