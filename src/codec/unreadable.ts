import { InputError } from '../input/input-error.ts'

/** For the rejection of a decoder's call: what it says, as an {@link InputError}. */
export function unreadable(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause)
  throw new InputError(
    'unreadable',
    `Cannot decode image: it must be a whole, undamaged file (${reason.trim()}); send it again or re-save it`,
    { cause },
  )
}
