import { type EngineName, engineNames } from '../src/executor/engine.ts'
import { UsageError } from '../src/terminal/usage-error.ts'

/** @throws {UsageError} naming the engines there are. */
export function engineName(text: string): EngineName {
  const found = engineNames.find((name) => name === text)
  if (found === undefined)
    throw new UsageError(`--engine must be one of ${engineNames.join(', ')}, current value is ${text}`)
  return found
}
