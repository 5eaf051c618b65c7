import { readFile } from 'node:fs/promises'
import { type ProcessorTimes, readProcessorTimes } from './processor-times.ts'

const periodMs = 2000
const temperatureFile = '/sys/class/thermal/thermal_zone0/temp'

/** Load and heat of this machine, sampled every two seconds. */
export class CpuMonitor {
  private timer: NodeJS.Timeout | undefined
  private sampling = false
  private last: ProcessorTimes | undefined
  /** Share of all cores in use since the last sample, 0 to 1; undefined before the second one. */
  load: number | undefined
  /** Degrees Celsius; undefined where the machine does not tell. */
  temperatureC: number | undefined

  start(): void {
    this.timer ??= setInterval(() => void this.sample(), periodMs)
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private async sample(): Promise<void> {
    if (this.sampling) return
    this.sampling = true
    try {
      const now = await readProcessorTimes()
      const { last } = this
      this.last = now
      if (last !== undefined && now.total > last.total)
        this.load = (now.busy - last.busy) / (now.total - last.total)
      const milli = Number(await readFile(temperatureFile, 'utf8').catch(() => 'unknown'))
      this.temperatureC = Number.isFinite(milli) ? milli / 1000 : undefined
    } catch {
      // A machine that does not tell is unknown, and no reason to end.
      this.load = undefined
    } finally {
      this.sampling = false
    }
  }
}
