/**
 * Entry of an inference thread that fails on command: the request's name says how. A compile under the key `hold` takes
 * as long as the variable SURGEON_TEST_HOLD is set, which the threads share; each message that drops tensors is told.
 */
import { parentPort } from 'node:worker_threads'
import type { ThreadCommand, ThreadReply } from '../../src/executor/inference-protocol.ts'

parentPort!.on('message', (command: ThreadCommand) => {
  if (command.kind === 'drop') {
    const told: ThreadReply = {
      kind: 'note',
      note: { kind: 'log', level: 'debug', message: `drop ${command.request}` },
    }
    parentPort!.postMessage(told)
  }
  if (command.kind === 'load' && command.key === 'hold') {
    const nothing = new Int32Array(new SharedArrayBuffer(4))
    while (process.env['SURGEON_TEST_HOLD'] !== undefined) Atomics.wait(nothing, 0, 0, 1)
  }
  if (command.kind !== 'run') return
  if (command.run.request === 'exit') process.exit(7)
  if (command.run.request === 'throw') throw new Error('a fault nobody catches')
  // Native code that never returns looks like this from outside: neither messages nor cancellation are seen.
  if (command.run.request === 'hang') for (;;);
})

await import('../../src/executor/inference-thread.ts')
