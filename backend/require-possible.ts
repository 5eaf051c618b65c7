import type { RequestHead } from '../src/transport/frame-content.ts'
import { RequestError } from './prepare-request.ts'
import type { ServedModel } from './served-model.ts'

/** Refuses a transfer for what no request of its kind can need, before it is here. @throws {RequestError} */
export function requirePossible(models: readonly ServedModel[], head: RequestHead, totalBytes: number): void {
  const model = models.find(({ hash }) => hash.startsWith(head.model))
  if (model === undefined)
    throw new RequestError('unknown-model', `there is no model with hash ${head.model} here`)
  const largest = model.largestRequest(head)
  if (totalBytes > largest)
    throw new RequestError(
      'bad-input',
      `a frame in ${head.codec} at ${head.wound} must be at most ${largest} bytes, current value is ${totalBytes}`,
    )
}
