import { CalendarJob } from '../src/calendar/calendar-job.ts'
import type { Log } from '../src/telemetry/log.ts'
import type { EdgeModel } from './edge-model.ts'
import type { Mind } from './mind.ts'

/** Measures the profiles anew at calendar times. */
export class Reprofiling {
  private readonly models: readonly EdgeModel[]
  private readonly mind: Mind
  private readonly log: Log
  private job: CalendarJob | undefined

  constructor(models: readonly EdgeModel[], mind: Mind, log: Log) {
    this.models = models
    this.mind = mind
    this.log = log
  }

  /** @param expression As cron writes it; in place of an earlier one. */
  start(expression: string): void {
    this.stop()
    this.job = new CalendarJob({ expression, run: () => this.measure() })
    this.job.start()
  }

  stop(): void {
    this.job?.stop()
    this.job = undefined
  }

  private async measure(): Promise<void> {
    for (const model of this.models) {
      try {
        this.mind.of(model.hash).setup = await model.remeasured()
        this.log('info', 'profiled this machine anew', { model: model.name })
      } catch (error) {
        this.log('warn', 'the profile was not renewed', { model: model.name, error })
      }
    }
  }
}
