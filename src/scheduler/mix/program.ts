/**
 * The mix of plans with the least mean number of requests in the system, which by Little's law (Operations Research 9,
 * 1961) is the least mean latency at the arriving rates: rates x[s, p] >= 0 of plan p for stream s that minimise
 * sum x * latency + sum over resources of the mean number that waits there (its tangents: `waiting.ts`), where no stream
 * is answered more often than it asks and no resource is used beyond its limit.
 *
 * Ahead of that objective stands how much is answered: streams of the highest priority first; within one, the shares
 * (rate over weight) rise together until a stream has all it asks for or the resources are used up, and what is left goes
 * to whoever can use it. What does not fit is in nobody's rates: it is shed.
 *
 * At no load the waiting terms vanish and each request takes its fastest plan; under load a few plans share the work.
 * One linear program of some 30 rows: about 0.3 ms for 200 plans on x64.
 */
import { type LinearProgram, maximise } from './lexicographic-simplex.ts'
import { isWork, type MixPlan, type Resource } from './resource.ts'
import { waitingTangents } from './waiting.ts'

export interface MixStream {
  readonly name: string
  /** Higher is served first. */
  readonly priority: number
  readonly weight: number
  readonly ratePerS: number
  /** Squared coefficient of variation of the times between arrivals: about 0 for a camera, 1 for chance. */
  readonly arrivalCv2: number
  readonly plans: readonly MixPlan[]
}

export interface MixProblem {
  readonly streams: readonly MixStream[]
  readonly resources: readonly Resource[]
}

export interface MixSolution {
  /** Answers a second by stream and plan. */
  readonly rates: readonly (readonly number[])[]
  readonly answeredPerS: number
  /** Of each resource, 0 to 1. */
  readonly utilisation: readonly number[]
  /** Answers a second that one more unit a second of each resource would bring; 0 where it is not what limits. */
  readonly prices: readonly number[]
  /** Of those answered, as the tangents estimate it. */
  readonly meanLatencyMs: number
}

/** @throws {RangeError} where a rate is below 0 */
export function solveMix(problem: MixProblem): MixSolution {
  const { streams, resources } = problem
  const { x, values, prices } = maximise(mixProgram(problem))
  let next = 0
  const rates = streams.map(({ plans }) => plans.map(() => x[next++]!))
  const answeredPerS = rates.flat().reduce((sum, rate) => sum + rate, 0)
  // All objectives but the last count answers.
  const gains = prices.slice(0, -1)
  return {
    rates,
    answeredPerS,
    utilisation: resources.map(({ perS }, r) => {
      const used = rates.map((of, s) =>
        of.reduce((sum, rate, p) => sum + rate * streams[s]!.plans[p]!.use[r]!, 0),
      )
      return used.reduce((sum, part) => sum + part, 0) / perS
    }),
    prices: resources.map(({ perS, maxUtilisation }, r) => {
      const perUtilisation = gains.reduce((sum, price) => sum + price[streams.length + r]!, 0)
      return (perUtilisation * maxUtilisation) / perS
    }),
    meanLatencyMs: answeredPerS > 0 ? (-1000 * values.at(-1)!) / answeredPerS : 0,
  }
}

/**
 * The most answers a second that any mix of the plans can give, whatever the order and however long they take: an exact
 * upper limit for one stream of these plans; infinite where one of them needs nothing.
 */
export function fluidBound(plans: readonly MixPlan[], resources: readonly Resource[]): number {
  if (plans.length === 0) return 0
  if (!plans.every(isWork)) return Infinity
  return maximise({
    rows: resources.map(({ perS }, r) => plans.map(({ use }) => use[r]! / perS)),
    limits: resources.map(() => 1),
    objectives: [plans.map(() => 1)],
  }).values[0]!
}

/**
 * Columns: rates, waiting by resource, steps of the shares. Rows: streams, resources, tangents, and two a step. The first
 * step of a priority is the share that all its streams have until the most modest has all it asks for, the next what all
 * but that one have more, and so on: maximised one after the other, they are the largest shares in order.
 */
export function mixProgram({ streams, resources }: MixProblem): LinearProgram {
  const columns = streams.flatMap(({ plans }, stream) => plans.map((plan) => ({ plan, stream })))
  const waitingFrom = columns.length
  const stepsFrom = waitingFrom + resources.length
  const width = stepsFrom + streams.length
  const row = (
    valueOf: (column: (typeof columns)[number]) => number,
    more: readonly [number, number][] = [],
  ) => {
    const made = Array.from({ length: width }, () => 0)
    for (const [j, column] of columns.entries()) made[j] = valueOf(column)
    for (const [j, value] of more) made[j] = value
    return made
  }
  const rows: number[][] = []
  const limits: number[] = []
  const add = (coefficients: number[], limit: number) => {
    rows.push(coefficients)
    limits.push(limit)
  }
  for (const [s, { ratePerS }] of streams.entries())
    add(
      row(({ stream }) => (stream === s ? 1 : 0)),
      ratePerS,
    )
  for (const [r, { perS, maxUtilisation }] of resources.entries())
    add(
      row(({ plan }) => plan.use[r]! / perS),
      maxUtilisation,
    )
  const arrivalCv2 = meanArrivalCv2(streams)
  for (const [r, { queue, perS }] of resources.entries()) {
    const tangents = queue === undefined ? [] : waitingTangents({ ...queue, arrivalCv2 })
    for (const { slope, offset } of tangents)
      add(
        row(({ plan }) => (slope * plan.use[r]!) / perS, [[waitingFrom + r, -1]]),
        offset,
      )
  }
  const objectives: number[][] = []
  let step = stepsFrom
  for (const members of byPriority(streams)) {
    const steps: number[] = []
    let reached = 0
    // Alone in its priority a stream shares with nobody.
    for (const s of members.length > 1 ? members : []) {
      const { weight, ratePerS } = streams[s]!
      steps.push(step)
      add(
        row(
          ({ stream }) => (stream === s ? -1 : 0),
          steps.map((j) => [j, weight]),
        ),
        0,
      )
      add(
        row(() => 0, [[step, 1]]),
        ratePerS / weight - reached,
      )
      objectives.push(row(() => 0, [[step, 1]]))
      reached = ratePerS / weight
      step++
    }
    objectives.push(row(({ stream }) => (members.includes(stream) ? 1 : 0)))
  }
  const waiting = resources.map((_, r): [number, number] => [waitingFrom + r, -1])
  objectives.push(row(({ plan }) => -plan.latencyMs / 1000, waiting))
  return { rows, limits, objectives }
}

/** Indices of the streams, highest priority first; within one the most modest first. */
function byPriority(streams: readonly MixStream[]): number[][] {
  const modesty = (s: number) => streams[s]!.ratePerS / streams[s]!.weight
  return [...new Set(streams.map(({ priority }) => priority))]
    .toSorted((a, b) => b - a)
    .map((priority) =>
      [...streams.keys()]
        .filter((s) => streams[s]!.priority === priority)
        .toSorted((a, b) => modesty(a) - modesty(b)),
    )
}

/** Of all streams that wait for anything, as far as their rates tell (Albin, Operations Research 32, 1984). */
function meanArrivalCv2(streams: readonly MixStream[]): number {
  const waiting = streams.filter(({ plans }) => plans.some(isWork))
  const ratePerS = waiting.reduce((sum, stream) => sum + stream.ratePerS, 0)
  const weighted = waiting.reduce((sum, stream) => sum + stream.ratePerS * stream.arrivalCv2, 0)
  return ratePerS > 0 ? weighted / ratePerS : 1
}
