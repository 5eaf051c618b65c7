import { stderrLog } from '../../src/telemetry/stderr-log.ts'
import { phaseBounds } from './phase-bounds.ts'
import { playPolicy } from './play-policy.ts'
import { type Scenario, streamScenario } from './scenario.ts'
import { type StageOptions, withStage } from './stage.ts'
import { type StreamPolicySummary, summarisePolicy } from './stream-summary.ts'

export interface LiveStreams extends Omit<StageOptions, 'pictures'> {
  readonly uplinksMbps: readonly number[]
  readonly framesPerS: readonly number[]
  readonly seconds: number
}

export interface LiveStreamRow extends Omit<StreamPolicySummary, 'phases'> {
  readonly uplinkMbps: number
  readonly offeredPerS: number
  /** No mix of the agent's plans answers more, and no more come. */
  readonly boundPerS: number
  readonly eventLoopP99Ms: number
}

/** One camera after the other over a constant link, each with an agent of its own: real processes in real time. */
export async function liveStreams({ uplinksMbps, framesPerS, seconds, ...options }: LiveStreams) {
  const { pictures } = streamScenario
  return withStage({ ...options, pictures }, async (stage) => {
    const rows: LiveStreamRow[] = []
    for (const uplinkMbps of uplinksMbps)
      for (const perS of framesPerS) {
        const scenario: Scenario = {
          ...streamScenario,
          plays: ['surgeon'],
          steps: [{ atMs: 0, uplinkBps: 1e6 * uplinkMbps }],
          framePeriodMs: 1000 / perS,
          playMs: 1000 * seconds,
        }
        stage.print(`${perS} frames a second over ${uplinkMbps} Mbps`)
        const played = await playPolicy(stage, scenario, 'surgeon', '', () => undefined)
        const bounds = await phaseBounds(stage, scenario, stderrLog('bench'))
        const { phases: _, ...summary } = summarisePolicy(scenario, played.rows, bounds)
        const { eventLoopP99Ms } = played
        rows.push({ uplinkMbps, offeredPerS: perS, boundPerS: bounds[0]!, eventLoopP99Ms, ...summary })
      }
    return rows
  })
}
