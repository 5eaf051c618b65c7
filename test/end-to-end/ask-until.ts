import type { AnswerMessage, ResultMessage } from '../../agent/request-message.ts'
import { patienceMs } from '../patience.ts'

/**
 * Asks again until the answer is as wanted: an announcement that is on its way, a link that has not been measured yet and
 * a worker that is quicker than the edge are awaited, however slow the machine is, and not asserted of one request.
 * @throws {Error} with the last answer, when patience is over.
 */
export async function askUntil(
  ask: () => Promise<ResultMessage>,
  isWanted: (answer: AnswerMessage) => boolean,
): Promise<AnswerMessage> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const result = await ask()
    if (result.ok && isWanted(result)) return result
    if (performance.now() > deadlineMs) throw new Error(`The last answer was ${JSON.stringify(result)}`)
  }
}

export const byWorker = (answer: AnswerMessage): boolean => answer.finishedAt === 'worker'
