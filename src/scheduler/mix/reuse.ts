import type { StreamPlans } from './common-resources.ts'
import type { StreamSettings } from './mix.ts'
import type { MixStream } from './program.ts'

/** The plan of what is answered by the last answer once more. */
const reuseName = 'reuse'
const suffix = '/unchanged'

/** What a stream's inputs are called that look like the last one computed; no stream's name has a slash. */
export function unchangedOf(stream: string): string {
  return `${stream}${suffix}`
}

/** Inputs that look like the last one computed: arrivals of a class of their own, none of which is ever left out. */
export function unchangedClass(stream: StreamSettings): StreamSettings {
  const { name, priority, weight } = stream
  return { name: unchangedOf(name), priority, weight, keep: 'all' }
}

/** The only plan that they have: it needs neither engine nor link nor worker. @param latencyMs of comparing. */
export function reusePlans(latencyMs: number): StreamPlans {
  return { plans: [{ name: reuseName, latencyMs, use: [] }], resources: [] }
}

/** Share of a stream's inputs that look like the last one computed, where `unchanged` is the class of these. */
export function unchangedShare(
  unchanged: Pick<MixStream, 'name' | 'ratePerS'>,
  streams: readonly Pick<MixStream, 'name' | 'ratePerS'>[],
): { readonly stream: string; readonly share: number } | undefined {
  if (!unchanged.name.endsWith(suffix)) return undefined
  const stream = unchanged.name.slice(0, -suffix.length)
  const changedPerS = streams.find(({ name }) => name === stream)?.ratePerS ?? 0
  return { stream, share: unchanged.ratePerS / (unchanged.ratePerS + changedPerS) }
}
