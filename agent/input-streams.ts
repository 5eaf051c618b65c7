import type { StreamSettings } from '../src/scheduler/mix/mix.ts'
import { deviceTopic } from '../src/transport/topics.ts'
import type { AgentConfig } from './config.ts'

/** Where inputs come from, and how they are to be treated among the others. */
export interface InputStream extends StreamSettings {
  readonly deadlineMs: number
  /** Topic filter. */
  readonly input: string
  /** Whether an input that is shed is answered by an error. */
  readonly shedReplies: boolean
  /** Who asked, for the answer and its topic: the stream's name, or what follows the input topic; empty for nothing. */
  readonly sourceOf: (topic: string) => string
}

/** The streams of the configuration; without any, one that answers all its inputs, each sub-topic on one of its own. */
export function inputStreams({ device, topicPrefix, streams, limits }: AgentConfig): InputStream[] {
  const own = deviceTopic(device, 'input', topicPrefix)
  if (streams !== undefined)
    return streams.map(({ name, input = `${own}/${name}`, ...stream }) => ({
      ...stream,
      name,
      input,
      deadlineMs: stream.deadlineMs ?? limits.requestMs,
      sourceOf: () => name,
    }))
  return [
    {
      name: 'default',
      priority: 0,
      weight: 1,
      deadlineMs: limits.requestMs,
      keep: 'all',
      shedReplies: true,
      // The level above is among them.
      input: `${own}/#`,
      sourceOf: (topic) => topic.slice(own.length + 1),
    },
  ]
}
