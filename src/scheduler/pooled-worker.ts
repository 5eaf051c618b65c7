/** A worker as the agent sees it now. */
export interface PooledWorker {
  readonly id: string
  /** Wound -> milliseconds the worker announced for it. */
  readonly tailMs: ReadonlyMap<string, number>
  /** What of `input`'s milliseconds is decoding a picture. */
  readonly pictureMs: number
  readonly queueMs: number
  /** How much slower than announced its last answers were. */
  readonly factor: number
}
