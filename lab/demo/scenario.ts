import type { LinkStep } from '../link-schedule.ts'

/** What the demo plays: the same frames over the same link for each policy. */
export const policies = ['local', 'jpeg', 'surgeon'] as const
export type PolicyName = (typeof policies)[number]

export const policyTitles: Readonly<Record<PolicyName, string>> = {
  local: 'local only',
  jpeg: 'send the JPEG',
  surgeon: 'surgeon',
}

const mbps = 1e6

/** The uplink through the run; 0 is a dead link. */
export const linkSteps: readonly (LinkStep & { readonly uplinkBps: number })[] = [
  { atMs: 0, uplinkBps: 20 * mbps },
  { atMs: 4000, uplinkBps: 2 * mbps },
  { atMs: 8000, uplinkBps: 0.2 * mbps },
  { atMs: 11_000, uplinkBps: 0 },
  { atMs: 14_000, uplinkBps: 2 * mbps },
]
const playMs = 18_000

export const downlinkBps = 20 * mbps
export const oneWayDelayMs = 5
export const framePeriodMs = 250
export const frameCount = playMs / framePeriodMs

/** Milliseconds that the whole MobileNetV2 takes on a Raspberry Pi 4 with the same kind of engine: see docs/lab.md. */
export const raspberryPi4Ms = 75

/** An answer is late when it took this much longer than finishing locally takes on average. */
export const toleranceMs = 25

/** Mbps so many milliseconds after the start. */
export function uplinkMbpsAt(elapsedMs: number): number {
  return linkSteps.findLast(({ atMs }) => atMs <= elapsedMs)!.uplinkBps / mbps
}
