import type { ArrivalKind } from '../../lab/replay/arrivals.ts'
import { arrivalTimes } from '../../lab/replay/arrivals.ts'
import type { MachinePair } from '../../lab/replay/machine-pair.ts'
import { summarise } from '../../lab/replay/policy-summary.ts'
import { seededRandom } from '../../lab/replay/random.ts'
import { Replay, type ReplaySetting } from '../../lab/replay/replay.ts'
import { fluidBound } from '../../src/scheduler/mix/program.ts'

export interface StreamRow {
  readonly model: string
  readonly uplinkMbps: number
  readonly arrivals: ArrivalKind
  readonly offeredPerS: number
  readonly boundPerS: number
  readonly answeredPerS: number
  readonly shed: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly localMs: number
  /** The most that one plan alone could answer of what is offered. */
  readonly bestSinglePerS: number
  /** How often each plan was taken. */
  readonly plans: Readonly<Record<string, number>>
}

export interface StreamWorld {
  readonly pair: MachinePair
  readonly inputBytes: number
  readonly uplinkMbps: number
  readonly roundTripMs: number
  readonly workers: number
}

/** Making the model's input of a picture on the edge, beside its engine, and on a worker. */
const inputMs = 6
const pictureMs = 2
/** Until the link is known at full load. */
const warmUpMs = 10_000
const timeLimitMs = 10_000

/** One stream over a constant link in virtual time: the agent's own mind, queues, frames and probes. Deterministic. */
export async function streamRow(
  model: string,
  world: StreamWorld,
  arrivals: ArrivalKind,
  load: number,
  seconds: number,
): Promise<StreamRow> {
  const { uplinkMbps, inputBytes: bytes } = world
  const capacity = 1e6 * uplinkMbps
  const link = { name: `${uplinkMbps} Mbps`, capacity, lengthMs: undefined }
  const settingOf = (times: readonly number[]): ReplaySetting => ({
    ...world,
    uplink: link,
    downlink: link,
    inputMs,
    pictureMs,
    workerWaitMs: 0,
    arrivals: times.map((atMs) => ({ atMs, bytes })),
    keep: 'newest',
    timeLimitMs,
  })
  const { plans, resources, localMs } = new Replay(settingOf([0])).options(capacity)
  const boundPerS = fluidBound(plans, resources)
  const times = arrivalTimes(arrivals, load * boundPerS, warmUpMs + 1000 * seconds, seededRandom(7))
  const setting = settingOf(times)
  const run = await new Replay(setting).play({ name: 'surgeon', summary: '' })
  const requests = run.requests.filter(({ arrival }) => arrival.atMs >= warmUpMs)
  const least = requests.map(() => localMs)
  const {
    answered,
    shed,
    failed,
    p50Ms,
    p95Ms,
    plans: counts,
  } = summarise({ ...run, requests }, setting, least, 1000 * seconds)
  const offeredPerS = requests.length / seconds
  return {
    model,
    uplinkMbps,
    arrivals,
    offeredPerS,
    boundPerS,
    answeredPerS: answered / seconds,
    shed: shed + failed,
    p50Ms,
    p95Ms,
    localMs,
    bestSinglePerS: Math.min(offeredPerS, Math.max(...plans.map((plan) => fluidBound([plan], resources)))),
    plans: counts,
  }
}
