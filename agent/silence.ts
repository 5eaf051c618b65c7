import type { Log } from '../src/telemetry/log.ts'

const fewest = 5
const shortestMs = 5000

interface Silent {
  requests: number
  readonly sinceMs: number
}

/**
 * Says in words what silence means: a worker whose requests are acknowledged one after the other and that has not
 * answered one, not even late. An acknowledgement is the nearest broker's, so behind a bridge it says nothing of the
 * worker. Only the warning; that such a worker is not believed is its `WorkerBelief`'s matter.
 */
export class Silence {
  private readonly log: Log
  private readonly silent = new Map<string, Silent>()

  constructor(log: Log) {
    this.log = log
  }

  /** It said something, whatever it was. */
  heard(worker: string): void {
    this.silent.delete(worker)
  }

  /** A request that the broker had acknowledged is given up without an answer. */
  unanswered(worker: string, nowMs: number): void {
    const silent = this.silent.get(worker) ?? { requests: 0, sinceMs: nowMs }
    this.silent.set(worker, silent)
    silent.requests++
    if (silent.requests < fewest || nowMs - silent.sinceMs < shortestMs) return
    this.silent.delete(worker)
    this.log('warn', 'requests to a worker are acknowledged and none is answered', {
      worker,
      requests: silent.requests,
      hint: 'it hangs, or MQTT 5 properties are lost on the way, as over a bridge that speaks MQTT 3.1.1 (Mosquitto: bridge_protocol_version mqttv50)',
    })
  }
}
