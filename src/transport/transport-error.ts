export type TransportErrorCode =
  | 'too-large'
  | 'full'
  | 'offline'
  | 'timeout'
  | 'aborted'
  | 'refused'
  | 'unmatched'

/** A message that did not go out, or of which it is not known that it arrived. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly code: TransportErrorCode

  constructor(code: TransportErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
