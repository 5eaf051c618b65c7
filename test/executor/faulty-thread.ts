/** Entry of an inference thread that fails on command: the request's name says how. */
import { parentPort } from 'node:worker_threads'
import type { ThreadCommand } from '../../src/executor/inference-protocol.ts'

parentPort!.on('message', (command: ThreadCommand) => {
  if (command.kind !== 'run') return
  if (command.run.request === 'exit') process.exit(7)
  if (command.run.request === 'throw') throw new Error('a fault nobody catches')
  // Native code that never returns looks like this from outside: neither messages nor cancellation are seen.
  if (command.run.request === 'hang') for (;;);
})

await import('../../src/executor/inference-thread.ts')
