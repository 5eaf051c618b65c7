import { LiveSlowdown } from './live-slowdown.ts'
import { SizeTimes } from './size-times.ts'

/** What an input is expected to be in a codec it may cross in: payload, and what encoding it takes on the edge. */
export interface InputEstimate {
  readonly bytes: number
  readonly encodeMs: number
}

/** What is believed of the edge for one request, at one moment. */
export interface EdgeState {
  /** How much slower than its profile the engine is now. */
  readonly factor: number
  /** What the engine still has to do before work that is due at once. */
  readonly waitMs: number
  /** Making the model's input of the message: beside the engine, and not slowed down with it. */
  readonly inputMs: number
  /** By codec, of inputs that were encoded so far. */
  readonly inputs: ReadonlyMap<string, InputEstimate>
}

/** What is believed of this machine: a function of what it was seen to take, and of the time. */
export class EdgeBelief {
  private readonly slowdown = new LiveSlowdown()
  private readonly decodes = new SizeTimes()
  private readonly encoded = new Map<string, InputEstimate>()

  /** Segments ran for `ms` where the profile says `profiledMs`. */
  ran(ms: number, profiledMs: number, atMs: number): void {
    this.slowdown.observe(ms, profiledMs, atMs)
  }

  /** A message of so many bytes was made into the model's input. */
  decoded(bytes: number, ms: number): void {
    this.decodes.observe(bytes, ms)
  }

  /** One input in a codec: what the next one is expected to need, as a running mean over about four. */
  encodedInput(codec: string, bytes: number, encodeMs: number): void {
    if (!(bytes >= 0 && encodeMs >= 0) || !Number.isFinite(bytes + encodeMs)) return
    const known = this.encoded.get(codec) ?? { bytes, encodeMs }
    const mix = (old: number, fresh: number) => old + (fresh - old) / 4
    this.encoded.set(codec, { bytes: mix(known.bytes, bytes), encodeMs: mix(known.encodeMs, encodeMs) })
  }

  factorAt(nowMs: number): number {
    return this.slowdown.factorAt(nowMs)
  }

  /** @param waitMs what the engine's queue says of work that is due now. */
  snapshot(nowMs: number, inputBytes: number, waitMs: number): EdgeState {
    return {
      factor: this.slowdown.factorAt(nowMs),
      waitMs,
      inputMs: this.decodes.expect(inputBytes),
      inputs: new Map(this.encoded),
    }
  }
}
