import type { MqttSession } from '../src/transport/mqtt-session.ts'

export interface PeriodicMessageOptions {
  readonly session: Pick<MqttSession, 'state' | 'publish'>
  readonly topic: string
  readonly periodMs: number
  /** Asked once a period, whether or not there is a connection; undefined where there is nothing new to say. */
  readonly text: () => string | undefined
}

/** Says something again and again on a topic, retained. What is lost is replaced by the next. */
export class PeriodicMessage {
  private readonly options: PeriodicMessageOptions
  private timer: NodeJS.Timeout | undefined

  constructor(options: PeriodicMessageOptions) {
    this.options = options
  }

  start(): void {
    this.timer ??= setInterval(() => this.publish(), this.options.periodMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private publish(): void {
    const { session, topic, text, periodMs: timeoutMs } = this.options
    const said = text()
    if (said === undefined || session.state.kind !== 'online') return
    session.publish(topic, said, { qos: 0, retain: true, timeoutMs }).catch(() => undefined)
  }
}
