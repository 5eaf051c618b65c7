export type InputErrorCode = 'empty' | 'unreadable' | 'too-large' | 'unsupported' | 'bad-input'

/** A message that cannot become an input; the text says what its sender should do. */
export class InputError extends Error {
  override readonly name = 'InputError'
  readonly code: InputErrorCode

  constructor(code: InputErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
