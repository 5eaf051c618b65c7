import { rawInput } from '../../../src/codec/image-codecs.ts'
import { fluidBound } from '../../../src/scheduler/mix/program.ts'
import { inputWound, localWound, type PlanPoint, planName } from '../../../src/scheduler/plan-point.ts'
import { planRequest } from '../../../src/scheduler/planner.ts'
import type { PolicyRun, Replay } from '../replay.ts'
import { fixedPlan } from './fixed.ts'
import { oracle } from './oracle.ts'
import type { Policy } from './policy.ts'
import { dads, neurosurgeon, sciot } from './published.ts'

/** Layers of the head at which the talk cuts ResNet50: up to its layer 6. */
const talkLayers = 7

const makers: Readonly<Record<string, (replay: Replay) => Policy | Promise<Policy>>> = {
  local: () => fixedPlan('local', 'all on the edge', { wound: localWound, codec: 'none' }),
  jpeg: () => fixedPlan('jpeg', 'the input as it came', { wound: inputWound, codec: 'received' }),
  raw: () => fixedPlan('raw', 'the pixels', { wound: inputWound, codec: rawInput }),
  seed6: (replay) =>
    fixedPlan('seed6', "the talk's wound, float32", { wound: talkWound(replay), codec: 'float32' }),
  'static-best': staticBest,
  neurosurgeon,
  dads,
  greedy: () => ({
    name: 'greedy',
    summary: "each request its own fastest plan, by the agent's beliefs and with its insurance",
    decide:
      () =>
      (setup, beliefs, { bytes }) => ({ kind: 'plan', plan: planRequest(setup, beliefs, bytes) }),
  }),
  sciot,
  surgeon: () => ({ name: 'surgeon', summary: "the agent's own planner, as it is" }),
  oracle: (replay) => oracle(() => replay.hindsight),
}

export const policyNames: readonly string[] = Object.keys(makers)

/** @throws {RangeError} for a name that is none. */
export async function policyOf(name: string, replay: Replay): Promise<Policy> {
  const make = makers[name]
  if (make === undefined)
    throw new RangeError(
      `Cannot replay: policy must be one of ${policyNames.join(', ')}, current value is ${name}`,
    )
  return await make(replay)
}

/** The shallowest wound with the talk's layers before it. */
function talkWound({ setting }: Replay): string {
  const { wounds } = setting.pair.setup.chain
  const byName = wounds.find(({ id }) => Number(/^layer-(\d+)$/.exec(id)?.[1] ?? -1) >= talkLayers - 1)
  return (
    byName ??
    wounds.find(({ id, head }) => id !== inputWound && head.length >= talkLayers) ??
    wounds.at(-1)!
  ).id
}

/** How many plans are played that hindsight names as the best by each of two measures. */
const played = 3

/** The one plan that would have answered most, and fastest, had it been every request's. */
async function staticBest(replay: Replay): Promise<Policy> {
  const { arrivals, timeLimitMs } = replay.setting
  const meanMs = (point: PlanPoint) =>
    arrivals.reduce((sum, arrival) => sum + Math.min(timeLimitMs, replay.takesMs(point, arrival)), 0)
  const fastest = replay.points
    .map((point) => ({ point, ms: meanMs(point) }))
    .toSorted((a, b) => a.ms - b.ms)
    .slice(0, played)
    .map(({ point }) => point)
  const { plans, resources } = replay.options(replay.meanBps(0, arrivals.at(-1)?.atMs ?? 0))
  const perS = (point: PlanPoint) =>
    Math.max(
      0,
      ...plans.filter(({ name }) => name === planName(point)).map((plan) => fluidBound([plan], resources)),
    )
  const most = replay.points.toSorted((a, b) => perS(b) - perS(a)).slice(0, played)
  const runs: PolicyRun[] = []
  for (const { wound, codec } of new Set([...fastest, ...most]))
    runs.push(await replay.play(fixedPlan('static-best', `always ${wound}/${codec}`, { wound, codec })))
  const totalMs = ({ requests }: PolicyRun) =>
    requests.reduce(
      (sum, { outcome, trace }) =>
        sum + (outcome?.kind === 'answered' ? trace.measured.totalMs : timeLimitMs),
      0,
    )
  return runs.map((run) => ({ run, ms: totalMs(run) })).toSorted((a, b) => a.ms - b.ms)[0]!.run.policy
}
