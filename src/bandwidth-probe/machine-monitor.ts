import { createRequire } from 'node:module'
import type { Systeminformation } from 'systeminformation'
import { readKernelNumber } from './kernel-number.ts'
import { type ProcessorTimes, readProcessorTimes } from './processor-times.ts'

/** Parts of systeminformation: whole it takes 11 MB, its memory 3. */
const require = createRequire(import.meta.url)
type Memory = { readonly mem: () => Promise<Systeminformation.MemData> }
type Processor = { readonly currentLoad: () => Promise<Systeminformation.CurrentLoadData> }

const periodMs = 2000
const temperatureFile = '/sys/class/thermal/thermal_zone0/temp'
const frequencyFile = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq'
/** Of the Raspberry Pi's firmware, in hexadecimal without a sign of it. */
const throttledFile = '/sys/devices/platform/soc/soc:firmware/get_throttled'
/** Frequency capped, throttled, and the soft limit of temperature, now; the first bit is the voltage, which causes them. */
const slowedBits = 0b1110

/** Load, memory, heat and clock of this machine, sampled every two seconds. What it does not tell is undefined. */
export class MachineMonitor {
  private timer: NodeJS.Timeout | undefined
  private sampling = false
  private last: ProcessorTimes | undefined
  /** Share of all cores in use since the last sample, 0 to 1; undefined before the second one. */
  load: number | undefined
  /** What programs can still take before the machine swaps. */
  availableMemoryBytes: number | undefined
  /** Degrees Celsius. */
  temperatureC: number | undefined
  /** Of the first core. */
  frequencyHz: number | undefined
  /** Whether the firmware slows the processor down, for its heat or for want of voltage. */
  isThrottled: boolean | undefined

  start(): void {
    this.timer ??= setInterval(() => void this.sample(), periodMs)
    void this.sample()
  }

  stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }

  private async sample(): Promise<void> {
    if (this.sampling) return
    this.sampling = true
    // A machine that does not tell is unknown, and no reason to end.
    this.load = await this.readLoad().catch(() => undefined)
    this.availableMemoryBytes = await this.readAvailableMemory().catch(() => undefined)
    const milli = await readKernelNumber(temperatureFile)
    this.temperatureC = milli && milli / 1000
    const kilohertz = await readKernelNumber(frequencyFile)
    this.frequencyHz = kilohertz && 1000 * kilohertz
    const throttled = await readKernelNumber(throttledFile, 16)
    this.isThrottled = throttled === undefined ? undefined : (throttled & slowedBits) !== 0
    this.sampling = false
  }

  private async readLoad(): Promise<number | undefined> {
    const now = await readProcessorTimes()
    // Not on Linux: `currentLoad()` would wait there for a shell, 10 to 20 ms in which no message is answered.
    if (now === undefined) {
      const { currentLoad } = require('systeminformation/lib/cpu.js') as Processor
      return (await currentLoad()).currentLoad / 100
    }
    const { last } = this
    this.last = now
    if (last === undefined || now.total <= last.total) return this.load
    return (now.busy - last.busy) / (now.total - last.total)
  }

  private async readAvailableMemory(): Promise<number> {
    const { mem } = require('systeminformation/lib/memory.js') as Memory
    return (await mem()).available
  }
}
