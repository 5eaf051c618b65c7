import { UsageError } from '../../src/terminal/usage-error.ts'
import type { Run } from '../run.ts'

/** Loaded only when called: each pulls in its own engines. */
const benches: Readonly<Record<string, () => Promise<Run>>> = {
  engines: async () => (await import('./bench-engines.ts')).benchEngines,
  stream: async () => (await import('./bench-stream.ts')).benchStream,
  pool: async () => (await import('./bench-pool.ts')).benchPool,
  live: async () => (await import('./bench-live.ts')).benchLive,
  transport: async () => (await import('./bench-transport.ts')).benchTransport,
  requests: async () => (await import('./bench-requests.ts')).benchRequests,
  regret: async () => (await import('./bench-regret.ts')).benchRegret,
  codec: async () => (await import('../../bench/codec.ts')).benchCodec,
}

export async function bench(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined
  if (load === undefined) {
    throw new UsageError(
      `surgeon bench must be told what to measure: ${Object.keys(benches).join(', ')}; current value is '${name}'`,
    )
  }
  const run = await load()
  return run(rest)
}
