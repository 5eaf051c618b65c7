/** Why a request is not answered, for its publisher. */
export type RequestErrorCode =
  | 'shed'
  | 'timeout'
  | 'stopping'
  | 'no-worker'
  | 'overloaded'
  | 'worker-failed'
  | 'bad-input'
  | 'offline'

export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode
  constructor(code: RequestErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
