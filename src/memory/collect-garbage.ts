import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options?: { readonly type: 'major' | 'minor' }) => void

let collect: Collect | undefined

/**
 * Has V8 free now what this thread no longer reaches. By itself it lets up to 64 MB of dead array buffers lie in each
 * thread, and more where a thread that has just compiled allocates nothing any more. `minor` frees only what has been
 * made lately and takes about a millisecond, the whole some 10 ms.
 */
export function collectGarbage(type: 'major' | 'minor' = 'major'): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as Collect
  }
  collect({ type })
}
