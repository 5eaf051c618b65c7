import type { StreamPlans } from './common-resources.ts'
import type { StreamSettings } from './mix.ts'

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
