import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { z } from 'zod'

/** Where compiled segments are kept between starts. Plain data: it crosses to the inference thread. */
export const compiledCacheSchema = z.strictObject({
  /** May be shared by all agents and workers of a machine. */
  directory: z
    .string()
    .min(1)
    .default(() => defaultDirectory()),
  /** On disk, at most; what was used least recently goes first. 0 compiles in memory, as if there were no disk. */
  bytes: z
    .int()
    .min(0)
    .default(2 * 1024 ** 3),
})

export type CompiledCacheSettings = z.output<typeof compiledCacheSchema>

/** As systemd (`CacheDirectory=`) or the XDG base directory specification says, which has relative paths ignored. */
function defaultDirectory(): string {
  const { CACHE_DIRECTORY: service, XDG_CACHE_HOME: user = '' } = process.env
  if (service !== undefined) return join(service.split(':')[0]!, 'compiled')
  return join(isAbsolute(user) ? user : join(homedir(), '.cache'), 'surgeon', 'compiled')
}
