/**
 * Does work that has no signal of its own: an abort calls `stop`, which is to make the work fail soon.
 * @throws the abort's reason, however the work then ended; without an abort what the work throws.
 */
export async function stopOnAbort<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  stop: () => Promise<unknown>,
): Promise<T> {
  signal?.throwIfAborted()
  let stopping: Promise<unknown> | undefined
  const onAbort = () => {
    stopping = stop().catch(() => undefined)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  const working = work()
  await working.catch(() => undefined)
  signal?.removeEventListener('abort', onAbort)
  await stopping
  signal?.throwIfAborted()
  return working
}
