export type FrameErrorCode = 'magic' | 'version' | 'length' | 'limit' | 'value'

/** Bytes that are not a frame of ours, or a frame that cannot be written. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly code: FrameErrorCode

  constructor(code: FrameErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
