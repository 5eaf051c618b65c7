import { median } from 'simple-statistics'

/** Something to be timed; resolves when it is done. */
export type Work = () => Promise<unknown>

export interface PairedTimes {
  /** Medians, milliseconds. */
  readonly baseMs: number
  readonly otherMs: number
  /** Median of the ratios other / base, each of two runs next to each other: a machine that slows down slows both. */
  readonly ratio: number
}

export interface PairedOptions {
  /** Counted, after those that warm up. */
  readonly rounds: number
  readonly warmUpRounds: number
  readonly now: () => number
}

/**
 * Times each of `others` against `base`, a round of all pairs at a time; within a pair the one that goes first changes
 * from round to round.
 */
export async function pairedTimes<Name extends string>(
  base: Work,
  others: Readonly<Record<Name, Work>>,
  { rounds, warmUpRounds, now }: PairedOptions,
): Promise<Record<Name, PairedTimes>> {
  const names = Object.keys(others) as Name[]
  const samples = new Map(names.map((name) => [name, { base: [] as number[], other: [] as number[] }]))
  const time = async (work: Work): Promise<number> => {
    // Once untimed: the base, which runs in every pair, would else always find its weights in the cache.
    await work()
    const beginMs = now()
    await work()
    return now() - beginMs
  }
  for (let round = 0; round < warmUpRounds + rounds; round++) {
    for (const name of names) {
      const baseFirst = round % 2 === 0
      const first = await time(baseFirst ? base : others[name])
      const second = await time(baseFirst ? others[name] : base)
      if (round < warmUpRounds) continue
      samples.get(name)!.base.push(baseFirst ? first : second)
      samples.get(name)!.other.push(baseFirst ? second : first)
    }
  }
  const result = names.map((name): [Name, PairedTimes] => {
    const { base, other } = samples.get(name)!
    const ratios = other.map((ms, i) => ms / base[i]!)
    return [name, { baseMs: median(base), otherMs: median(other), ratio: median(ratios) }]
  })
  return Object.fromEntries(result) as Record<Name, PairedTimes>
}
