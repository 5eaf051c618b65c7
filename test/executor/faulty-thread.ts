/**
 * Entry of an inference thread that fails on command: the request's name says how. A compile under the key `hold` takes
 * as long as the variable SURGEON_TEST_HOLD is set, which the threads share; each message that drops tensors is told.
 */
import { parentPort, type Transferable } from 'node:worker_threads'
import { take } from '../../src/executor/claim.ts'
import type { ThreadCommand, ThreadReply } from '../../src/executor/inference-protocol.ts'

/** In the order in which they are carried out; the first is being so. */
const calls: ThreadCommand[] = []
/** It says nothing more. */
let isLost = false

function begin(command: ThreadCommand | undefined): void {
  if (command?.kind !== 'run') return
  const { request } = command.run
  if (!['exit', 'throw', 'hang'].includes(request) || !take(command.claim)) return
  isLost = true
  if (request === 'exit') process.exit(7)
  if (request === 'throw')
    queueMicrotask(() => {
      throw new Error('a fault nobody catches')
    })
  // Native code that never returns looks like this from outside: neither messages nor cancellation are seen.
  if (request === 'hang') for (;;);
}

const post = parentPort!.postMessage.bind(parentPort!)
parentPort!.postMessage = (reply: ThreadReply, transfer?: readonly Transferable[]) => {
  if (isLost) return
  post(reply, transfer)
  if (reply.kind === 'ready' || reply.kind === 'note') return
  calls.shift()
  begin(calls[0])
}

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
  calls.push(command)
  if (calls.length === 1) begin(command)
})

await import('../../src/executor/inference-thread.ts')
