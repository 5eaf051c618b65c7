import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ResultMessage } from '../../agent/request-message.ts'
import { deferred } from '../../src/async/deferred.ts'
import { waitAtMost } from '../../src/async/wait-at-most.ts'
import { positiveNumber, readOptions } from '../../src/terminal/options.ts'
import { UsageError } from '../../src/terminal/usage-error.ts'
import { deviceTopic } from '../../src/transport/topics.ts'
import { brokerAccess, brokerOptions, withBroker } from '../broker-access.ts'

/** Publishes a picture as a camera would, and prints the answer. */
export async function send(args: readonly string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    options: {
      ...brokerOptions,
      timeout: { type: 'string', default: '30' },
      json: { type: 'boolean' },
    },
    allowPositionals: true,
  })
  const [file] = positionals
  if (file === undefined) throw new UsageError('surgeon send needs IMAGE')
  const timeoutMs = 1000 * positiveNumber(values.timeout, '--timeout')
  const { endpoint, topicPrefix, device } = await brokerAccess(values, 'send')
  if (device === undefined) throw new UsageError('surgeon send needs --device NAME, or --config FILE')
  const payload = await readFile(file)
  const result = await withBroker(endpoint, timeoutMs, async (session) => {
    const id = randomUUID()
    const answers: ResultMessage[] = []
    const { promise: answered, resolve: tell } = deferred<void>()
    await session.subscribe(deviceTopic(device, 'result', topicPrefix), ({ payload }) => {
      const result = JSON.parse(Buffer.from(payload).toString()) as ResultMessage
      if (result.id !== id) return
      answers.push(result)
      tell()
    })
    await session.publish(deviceTopic(device, 'input', topicPrefix), payload, {
      qos: 1,
      timeoutMs,
      expirySeconds: Math.ceil(timeoutMs / 1000),
      correlationData: Buffer.from(id),
    })
    await waitAtMost(timeoutMs, answered)
    return answers[0]
  })
  if (result === undefined) {
    throw new Error(
      `Cannot answer ${file}: ${device} said nothing within ${timeoutMs / 1000} s; surgeon status tells whether it is there`,
    )
  }
  console.log(values.json === true ? JSON.stringify(result, undefined, 2) : describe(file, result))
  return result.ok ? 0 : 1
}

function describe(file: string, result: ResultMessage): string {
  if (!result.ok) return `${file}: ${result.error.code}: ${result.error.message}`
  const { plan, finishedAt, totalMs } = result
  const how = plan.wound === 'local' ? 'local' : `${plan.wound}/${plan.codec}`
  const top = 'top' in result ? (result.top ?? []) : []
  return [
    `${file}: ${how}, finished at the ${finishedAt} in ${totalMs.toFixed(0)} ms (${plan.predictedMs.toFixed(0)} ms predicted)`,
    ...top.map(({ label, probability }) => `  ${(100 * probability).toFixed(1).padStart(5)} %  ${label}`),
  ].join('\n')
}
