import type { LinkStep } from '../link-schedule.ts'

/** What the demo plays: the same frames over the same link for each policy. */
export const alonePolicies = ['local', 'jpeg', 'surgeon'] as const
export const streamPolicies = ['local', 'jpeg', 'cut', 'surgeon'] as const
export type PolicyName = (typeof streamPolicies)[number]

export const policyTitles: Readonly<Record<PolicyName, string>> = {
  local: 'local only',
  jpeg: 'send the JPEG',
  cut: 'one cut',
  surgeon: 'surgeon',
}

const mbps = 1e6

/** The stream of every scenario: last level of the topics of its inputs and results. */
export const streamName = 'camera'

interface UplinkStep extends LinkStep {
  /** 0 is a dead link. */
  readonly uplinkBps: number
}

/** What a camera does to an agent, and how its link behaves meanwhile. */
export interface Scenario {
  readonly name: 'stream' | 'alone'
  /** In this order: the one cut that is compared is what was best in hindsight. */
  readonly plays: readonly PolicyName[]
  readonly steps: readonly UplinkStep[]
  readonly framePeriodMs: number
  readonly playMs: number
  /** Of frames that come back again, so that none is twice in a few seconds. */
  readonly pictures: number
  /** Added to the agent's configuration. */
  readonly agent: Readonly<Record<string, unknown>>
}

/** A camera of 30 frames a second: more than the edge, the link or both can answer. */
export const streamScenario: Scenario = {
  name: 'stream',
  plays: ['local', 'jpeg', 'surgeon', 'cut'],
  steps: [
    { atMs: 0, uplinkBps: 8 * mbps },
    { atMs: 2500, uplinkBps: 2 * mbps },
    { atMs: 7000, uplinkBps: 0.5 * mbps },
    { atMs: 9500, uplinkBps: 0 },
    { atMs: 12_000, uplinkBps: 2 * mbps },
  ],
  framePeriodMs: 1000 / 30,
  playMs: 15_000,
  pictures: 120,
  agent: { streams: [{ name: streamName, deadlineMs: 2000 }] },
}

/** Four frames a second, so that each request is alone. */
export const aloneScenario: Scenario = {
  name: 'alone',
  plays: alonePolicies,
  steps: [
    { atMs: 0, uplinkBps: 20 * mbps },
    { atMs: 4000, uplinkBps: 2 * mbps },
    { atMs: 8000, uplinkBps: 0.2 * mbps },
    { atMs: 11_000, uplinkBps: 0 },
    { atMs: 14_000, uplinkBps: 2 * mbps },
  ],
  framePeriodMs: 250,
  playMs: 18_000,
  pictures: 72,
  // A link that is dead for a while makes answers late that it has to carry: none is left out for being so.
  agent: { streams: [{ name: streamName, keep: 'all', deadlineMs: 60_000 }] },
}

export const downlinkBps = 20 * mbps
export const oneWayDelayMs = 5

/** A machine that the edge is made as slow as. */
interface Board {
  /** Milliseconds that the whole MobileNetV2 takes with ONNX Runtime. */
  readonly wholeMs: number
  /** How much slower than here it is at what is no inference: decoding pictures, encoding features. */
  readonly workSlowdown: number
}

/** Estimated from public tables, within about 20 %: see docs/lab.md. */
export const boards = {
  zero2w: { wholeMs: 270, workSlowdown: 8 },
  pi3b: { wholeMs: 235, workSlowdown: 6 },
  'pi3b+': { wholeMs: 205, workSlowdown: 6 },
  pi4: { wholeMs: 100, workSlowdown: 4 },
  pi5: { wholeMs: 19, workSlowdown: 2 },
} as const satisfies Record<string, Board>
export type BoardName = keyof typeof boards

/** An answer to a request alone is late when it took this much longer than finishing locally takes on average. */
export const toleranceMs = 25

export function frameCount({ playMs, framePeriodMs }: Scenario): number {
  return Math.round(playMs / framePeriodMs)
}

/** Mbps so many milliseconds after the start. */
export function uplinkMbpsAt({ steps }: Scenario, elapsedMs: number): number {
  return steps.findLast(({ atMs }) => atMs <= elapsedMs)!.uplinkBps / mbps
}
