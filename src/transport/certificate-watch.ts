import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Endpoint } from './endpoint-config.ts'

const readEveryMs = 3_600_000
const dayMs = 86_400_000

/** How long the certificates that endpoints name are still good. Their files are read once an hour: they are renewed. */
export class CertificateWatch {
  private readonly paths: readonly string[]
  private readonly wallMs: () => number
  private known: { readonly atMs: number; readonly endsMs: number | undefined } | undefined

  /** @param wallMs milliseconds since 1970. */
  constructor(endpoints: readonly Pick<Endpoint, 'ca' | 'cert'>[], wallMs: () => number = Date.now) {
    this.paths = endpoints.flatMap(({ ca, cert }) => [ca, cert].filter((path) => path !== undefined))
    this.wallMs = wallMs
  }

  /** Until the first of them ends, negative afterwards; undefined without any that can be read. */
  get days(): number | undefined {
    const atMs = this.wallMs()
    if (this.known === undefined || Math.abs(atMs - this.known.atMs) >= readEveryMs)
      this.known = { atMs, endsMs: firstEnd(this.paths) }
    const { endsMs } = this.known
    return endsMs === undefined ? undefined : (endsMs - atMs) / dayMs
  }
}

/** Of a file with several the first counts, which is the one's own. */
function firstEnd(paths: readonly string[]): number | undefined {
  const ends = paths.flatMap((path) => {
    try {
      return [Date.parse(new X509Certificate(readFileSync(path)).validTo)]
    } catch {
      // The session says at each attempt to connect what is wrong with it.
      return []
    }
  })
  return ends.length === 0 ? undefined : Math.min(...ends)
}
