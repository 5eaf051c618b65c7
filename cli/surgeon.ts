#!/usr/bin/env node
import { ConfigError } from '../src/config/load-config.ts'
import { programVersion } from '../src/files/program-version.ts'
import { UsageError } from '../src/terminal/usage-error.ts'
import { exitCodes } from './exit-codes.ts'
import { commandHelp, overview, requireCommand, withNearestOption } from './help.ts'

const [name = 'help', ...rest] = process.argv.slice(2)

async function main(): Promise<number> {
  if (name === '--version' || name === '-V' || name === 'version') {
    console.log(programVersion())
    return 0
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    console.log(rest[0] === undefined ? overview() : commandHelp(rest[0], rest[1]))
    return 0
  }
  const command = requireCommand(name)
  if (rest.includes('--help') || rest.includes('-h')) {
    console.log(commandHelp(name, rest[0]))
    return 0
  }
  const run = await command.load()
  return run(rest)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage
  return error instanceof ConfigError ? exitCodes.config : exitCodes.failed
}

try {
  process.exitCode = await main()
} catch (thrown) {
  const error = thrown instanceof UsageError ? withNearestOption(thrown, name, rest[0]) : thrown
  process.exitCode = exitCodeOf(error)
  console.error(error instanceof Error ? error.message : error)
}
