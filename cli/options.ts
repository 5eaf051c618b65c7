import { type ParseArgsConfig, parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

/** Options and positionals of a command. @throws {UsageError} in `parseArgs`' words. */
export function readOptions<const Config extends ParseArgsConfig>(args: readonly string[], config: Config) {
  try {
    return parseArgs({ ...config, args: [...args] })
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause })
  }
}
