/** A broker of one's own on a loopback port. */
export interface TestBroker {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** Ends this broker only, with SIGTERM unless told otherwise, and removes its folder. Safe to repeat. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** What every kind of broker can be told. */
export interface TestBrokerOptions {
  /** Default: a free one. */
  readonly port?: number
  readonly maximumPacketBytes?: number
  /** Asked of every client when given. */
  readonly credentials?: { readonly username: string; readonly password: string }
}
